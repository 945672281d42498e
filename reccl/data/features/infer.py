"""Infer: the kind of a column that no schema names, by its type and its values of training nodes."""

from collections.abc import Mapping
from contextlib import suppress

import polars as pl

from reccl.data.features.categorical import Categorical
from reccl.data.features.feature import FeatureSettings
from reccl.data.features.multi_hot import MultiHot
from reccl.data.features.nested import has_column, list_fields, read_column
from reccl.data.features.numeric import Numeric
from reccl.data.features.separated import separator_in
from reccl.data.features.vector import Vector
from reccl.data.features.words import MOST_WORDS
from reccl.errors import DataError, did_you_mean, join_names

MOSTLY_UNIQUE = 0.5
"""Text with more distinct values than this share of the rows names things (titles) instead of grouping them."""
Schema = Mapping[str, FeatureSettings | None]


def choose_kinds(table: pl.DataFrame, trained: pl.Series, schema: Schema) -> dict[str, FeatureSettings]:
    """A kind for every column: the schema's, else the inferred one of what is usable; in the table's order, and behind
    them fields of nested columns that the schema names (`details.brand`).

    Raises DataError where the schema names a column that the table lacks.
    """
    require_columns(schema, table)
    own = table.filter(trained)
    kept = find_usable(own.select(pl.exclude(list(schema))))
    named = {name: schema.get(name) or (infer_kind(own[name]) if name in kept else None) for name in table.columns}
    fields = {name: kind for name, kind in schema.items() if name not in table.columns}  # of nested columns
    return {name: kind for name, kind in (named | fields).items() if kind is not None}


def infer_kind(values: pl.Series) -> FeatureSettings:
    """Lists of fractions are vectors, other lists and separated words (Action|Comedy) bags of words; numbers and
    moments numeric; all else categorical.
    """
    dtype = values.dtype
    if isinstance(dtype, pl.Array) or (isinstance(dtype, pl.List) and dtype.inner.is_float()):
        return Vector()
    if isinstance(dtype, pl.List):
        return MultiHot()
    if dtype == pl.String and (separator := separator_in(values)):
        return MultiHot(separator=separator)
    return Numeric() if dtype.is_numeric() or dtype.is_temporal() else Categorical()


def is_nested(dtype: pl.DataType) -> bool:
    """Whether values are structs, or lists of structs or of lists, which no kind reads."""
    if isinstance(dtype, pl.List):
        return dtype.inner.is_nested()
    return isinstance(dtype, pl.Struct | pl.Object)


def find_usable(table: pl.DataFrame) -> list[str]:
    """Columns whose values tell rows apart: not nested, more than one value, and no text that is mostly unique, unless
    it is separated words.
    """
    return [
        column.name
        for column in table
        if not is_nested(column.dtype)
        and column.n_unique() > 1
        and not (
            column.dtype == pl.String
            and column.n_unique() > MOSTLY_UNIQUE * max(1, len(column))
            and separator_in(column) is None
        )
    ]


def note_inferred(table: pl.DataFrame, trained: pl.Series, schema: Schema) -> list[str]:
    """Lines about what a reader may not expect: nested columns are left out, text is taken as several words a row."""
    rest = table.filter(trained).select(pl.exclude(list(schema)))
    nested = [
        column.name
        for column in rest
        if is_nested(column.dtype) and not any(name.startswith(f"{column.name}.") for name in schema)
    ]
    fields = [path for name in nested for path in list_fields(name, rest.schema[name]) if path not in nested]
    mend = f"name fields of it, as {{{fields[0]}: {{kind: categorical}}}}" if fields else "a step can flatten it"
    texts = [rest[name] for name in find_usable(rest) if rest.schema[name] == pl.String]
    words = {text.name: found for text in texts if (found := separator_in(text))}
    left_out = [f"left out, as it is nested: {join_names(nested)}; {mend}"]
    taken = [f"{name} holds words separated by {separator!r} (multi_hot)" for name, separator in words.items()]
    return (left_out if nested else []) + taken


def note_bounded(table: pl.DataFrame, trained: pl.Series, schema: Schema) -> list[str]:
    """Lines about columns of which not all words become columns of a matrix."""
    lines = []
    for name, kind in choose_kinds(table, trained, schema).items():
        if kind.bound() is kind:
            continue
        with suppress(pl.exceptions.PolarsError, ValueError):  # said where the column is fitted
            if (count := kind.count_words(kind.fit(read_column(table, name).filter(trained))) or 0) > MOST_WORDS:
                lines.append(
                    f"{name} has {count:,} words: as columns for cold_start the {MOST_WORDS:,} most frequent are kept, "
                    f"the others count as unknown; {{kind: {kind.kind}, vocabulary: N}} keeps N"
                )
    return lines


def require_columns(names: Mapping[str, object] | tuple[str, ...], table: pl.DataFrame) -> None:
    """Raise DataError for a column that the table does not have."""
    for name in names:
        if not has_column(table, name):
            known = [path for column, dtype in table.schema.items() for path in list_fields(column, dtype)]
            raise DataError(f"no feature {name!r}{did_you_mean(name, known)}; there are {join_names(known)}")
