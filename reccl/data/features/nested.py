"""Nested: fields inside structs, and inside lists of structs, by their path: `details.brand`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, TypeAlias

import polars as pl

if TYPE_CHECKING:
    from polars.datatypes import DataType, DataTypeClass

    AnyType: TypeAlias = DataType | DataTypeClass


def has_column(table: pl.DataFrame, name: str) -> bool:
    """Whether the table has such a column, or a nested one with such a field."""
    return name in table.columns or reach_field(table, name) is not None


def read_column(table: pl.DataFrame, name: str) -> pl.Series:
    """The values [n] of a column, or of a field of a nested one; all missing where there is none.

    A field of a list of structs is a list, and lists within lists become one.

    >>> table = pl.DataFrame({"details": [{"brand": "Acme"}], "offers": [[{"shop": "a"}, {"shop": "b"}]]})
    >>> read_column(table, "details.brand").to_list(), read_column(table, "offers.shop").to_list()
    (['Acme'], [['a', 'b']])
    """
    if name in table.columns:
        return table[name]
    if (field := reach_field(table, name)) is None:
        return pl.Series(name, [None] * table.height)
    values = table.select(field.alias(name)).to_series()
    while isinstance(values.dtype, pl.List) and isinstance(values.dtype.inner, pl.List):
        values = values.list.eval(pl.element().explode())
    return values


def reach_field(table: pl.DataFrame, path: str) -> pl.Expr | None:
    """The field behind a path; None where there is none."""
    return reach_one({name: (pl.col(name), dtype) for name, dtype in table.schema.items()}, path)


def reach_one(fields: Mapping[str, tuple[pl.Expr, AnyType]], path: str) -> pl.Expr | None:
    """The first of the fields, by name, that leads along the path; names may hold points themselves."""
    for name, (values, dtype) in fields.items():
        if path == name:
            return values
        if path.startswith(f"{name}.") and (found := reach(values, dtype, path[len(name) + 1 :])) is not None:
            return found
    return None


def reach(values: pl.Expr, dtype: AnyType, path: str) -> pl.Expr | None:
    """The field behind a path inside values of a type."""
    if isinstance(dtype, pl.List):
        inner = reach(pl.element(), dtype.inner, path)
        return None if inner is None else values.list.eval(inner)
    if isinstance(dtype, pl.Struct):
        return reach_one({each.name: (values.struct.field(each.name), each.dtype) for each in dtype.fields}, path)
    return None


def list_fields(name: str, dtype: AnyType) -> list[str]:
    """The paths of all fields inside a nested column that are not nested themselves."""
    while isinstance(dtype, pl.List) and dtype.inner.is_nested():
        dtype = dtype.inner
    if not isinstance(dtype, pl.Struct):
        return [name]
    return [path for field in dtype.fields for path in list_fields(f"{name}.{field.name}", field.dtype)]
