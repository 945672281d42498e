"""Id types: which type the ids of users and items have, so that they come back as they came."""

from typing import Literal

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.ingest.conversions import (
    Conversion,
    is_whole,
    to_exported_text,
    to_text,
    to_whole_numbers,
)
from reccl.errors import DataError

Ids = Literal["auto", "integer", "string"]
TEXT_TYPES = (pl.String, pl.Categorical, pl.Enum, pl.Null)
BEYOND = 2**63
"""The least number that Int64 cannot hold."""


def tell_id_types(frame: pl.LazyFrame, ids: Ids, typed: bool) -> tuple[dict[str, pl.DataType], tuple[str, ...]]:
    """The types that the ids of users and items are kept in, and what is changed on the way, as lines.

    Whole numbers keep their width, text is text, also where it comes as categories. Floats, decimals and wider numbers
    become Int64, bytes become text, where all values allow it. In a table without types (`typed` false), ids are Int64
    where all are whole numbers that give back the text. Raises DataError for what can be no id.
    """
    schema = frame.collect_schema()
    kept: dict[str, pl.DataType] = {}
    notes: list[str] = []
    for key in (USER, ITEM):
        if schema[key].is_nested():
            raise DataError(f"{key} holds {schema[key]}; ids are numbers or text: write the one inside into a column")
        if ids != "auto":
            kept[key] = pl.Int64() if ids == "integer" else pl.String()
        elif typed:
            kept[key] = tell_id_type(frame.select(key), key, schema[key])
            if schema[key].is_decimal() or schema[key] in (pl.Binary, pl.Int128, pl.UInt128):
                notes.append(f"{key} holds {schema[key]}: read as {'text' if kept[key] == pl.String else kept[key]}")
    if not kept:
        whole = find_whole_ids(frame)
        kept = {key: pl.Int64() if whole[key] else pl.String() for key in whole}
    return kept, tuple(notes)


def tell_id_type(values: pl.LazyFrame, key: str, dtype: pl.DataType) -> pl.DataType:
    """The type that a column of ids is kept in. Raises DataError where it can be none."""
    if dtype in (pl.Int128, pl.UInt128) or dtype.is_decimal():
        number = pl.col(key)
        fits = (number.cast(pl.Float64).abs() < BEYOND) & (number == number.cast(pl.Int64, strict=False).cast(dtype))
        if values.select(fits.all()).collect(engine="streaming").item():
            return pl.Int64()
        if dtype.is_decimal():
            raise DataError(f"{key} holds {dtype} with values that are no whole numbers below 2^63; write them as text")
        return pl.String()
    if dtype.is_integer():
        return dtype
    if dtype.is_float():
        return pl.Int64()
    if dtype == pl.Binary:
        try:
            values.select(pl.col(key).cast(pl.String).null_count()).collect(engine="streaming")
        except pl.exceptions.ComputeError as error:
            if "utf" not in str(error):  # the file is damaged
                raise
            first = values.drop_nulls().head(1).collect().item().hex()
            raise DataError(f"{key} holds bytes that are no text (the first: {first}); write them as text") from None
        return pl.String()
    if dtype in TEXT_TYPES:
        return pl.String()
    raise DataError(f"{key} holds {dtype}; ids are numbers or text: name another column, or write it as text")


def find_whole_ids(frame: pl.LazyFrame) -> dict[str, bool]:
    """Whether all ids of users and items, given as text, are whole numbers."""
    whole = dict.fromkeys((USER, ITEM), True)
    for rows in (frame.head(10_000), frame):  # the first rows mostly tell where ids are text
        asked = [is_whole(pl.col(key)).all().alias(key) for key, so_far in whole.items() if so_far]
        if asked:
            whole |= rows.select(asked).collect(engine="streaming").row(0, named=True)
    return whole


def to_ids(key: str, dtype: pl.DataType, *, exported: bool = False, known: bool = False) -> Conversion:
    """A column of ids in the type they are kept in.

    Args:
        key: the column.
        dtype: a type of whole numbers, or String.
        exported: that numbers which a spreadsheet has rounded are refused as text.
        known: that all text is whole numbers has been checked.

    """
    if dtype.is_integer():
        return to_whole_numbers(key, "set ids: string", known, dtype)
    return to_exported_text(key) if exported else to_text(key)
