"""Infer: the kind of a column that no schema names, by its type and its values of training nodes."""

from collections.abc import Mapping

import polars as pl

from reccl.data.features.categorical import Categorical
from reccl.data.features.feature import FeatureSettings
from reccl.data.features.multi_hot import MultiHot
from reccl.data.features.numeric import Numeric
from reccl.data.features.vector import Vector
from reccl.errors import DataError, did_you_mean, join_names

MOSTLY_UNIQUE = 0.5
"""Text with more distinct values than this share of the rows names things (titles) instead of grouping them."""
Schema = Mapping[str, FeatureSettings | None]


def choose_kinds(table: pl.DataFrame, trained: pl.Series, schema: Schema) -> dict[str, FeatureSettings]:
    """A kind for every column: the schema's, else the inferred one of what is usable; in the table's order.

    Raises DataError where the schema names a column that the table lacks.
    """
    require_columns(schema, table)
    kept = find_usable(table.filter(trained).select(pl.exclude(list(schema))))
    kinds = {name: schema.get(name) or infer_kind(table.schema[name]) for name in table.columns}
    return {name: kind for name, kind in kinds.items() if name in kept or schema.get(name)}


def infer_kind(dtype: pl.DataType) -> FeatureSettings:
    """Lists of fractions are vectors, other lists bags of words; numbers and moments numeric; all else categorical."""
    if isinstance(dtype, pl.Array) or (isinstance(dtype, pl.List) and dtype.inner.is_float()):
        return Vector()
    if isinstance(dtype, pl.List):
        return MultiHot()
    return Numeric() if dtype.is_numeric() or dtype.is_temporal() else Categorical()


def find_usable(table: pl.DataFrame) -> list[str]:
    """Columns whose values tell rows apart: more than one value, and no text that is mostly unique."""
    return [
        column.name
        for column in table
        if column.n_unique() > 1
        and not (column.dtype == pl.String and column.n_unique() > MOSTLY_UNIQUE * max(1, len(column)))
    ]


def require_columns(names: Mapping[str, object] | tuple[str, ...], table: pl.DataFrame) -> None:
    """Raise DataError for a column that the table does not have."""
    for name in names:
        if name not in table.columns:
            raise DataError(
                f"no feature {name!r}{did_you_mean(name, table.columns)}; there are {join_names(table.columns)}"
            )
