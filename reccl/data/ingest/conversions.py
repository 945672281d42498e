"""Conversions: text, dates and odd number types into what reccl works with, or an error naming value and row."""

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.ingest.checks import ROW, Step, reject_rows, require_columns
from reccl.errors import DataError

TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}
WHOLE = r"^(?:0|-?[1-9]\d{0,17})$"
_PARSED = "__parsed"


def convert(column: str, conversion: pl.Expr, meaning: str, advice: str = "mend the file") -> Step:
    """Replace a column by its `conversion`; a value that it turns into null is an error that names value and row."""

    def refuse(row: dict[str, object]) -> DataError:
        ids = ", ".join(f"{name} {row[name]!r}" for name in (USER, ITEM) if name in row and name != column)
        where = f"row {row[ROW]} ({ids})" if ids else f"row {row[ROW]}"
        return DataError(f"{column} {row[column]!r} in {where} is not {meaning}; {advice}")

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(column)(frame)
        frame = frame.with_row_index(ROW, offset=1).with_columns(conversion.alias(_PARSED))
        lost = pl.col(column).is_not_null() & pl.col(_PARSED).is_null()
        checked = reject_rows(frame, lost, refuse)
        return checked.with_columns(pl.col(_PARSED).alias(column)).drop(ROW, _PARSED)

    return step


def to_numbers(column: str) -> Step:
    """A column as float64; text that is no number is an error that names value and row."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        dtype = require_columns(column)(frame).collect_schema()[column]
        if dtype.is_numeric():
            return frame.with_columns(pl.col(column).cast(pl.Float64).fill_nan(None))
        text = pl.col(column).cast(pl.String).str.strip_chars()
        return convert(column, text.cast(pl.Float64, strict=False).fill_nan(None), "a number")(frame)

    return step


def to_whole_numbers(column: str, advice: str = "mend the file") -> Step:
    """A column as int64; text such as `007` or `12a`, which a number cannot reproduce, is an error."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        dtype = require_columns(column)(frame).collect_schema()[column]
        if dtype.is_integer():
            return frame.with_columns(pl.col(column).cast(pl.Int64))
        if dtype.is_float():  # as whole numbers come where some are missing
            frame = frame.with_columns(pl.col(column).fill_nan(None))
            whole = pl.when(pl.col(column).round() == pl.col(column)).then(pl.col(column)).cast(pl.Int64, strict=False)
            return convert(column, whole, "a whole number", advice)(frame)
        text = pl.col(column).cast(pl.String).str.strip_chars()
        whole = pl.when(text.str.contains(WHOLE)).then(text).cast(pl.Int64, strict=False)
        return convert(column, whole, "a whole number", advice)(frame)

    return step


def to_text(column: str) -> Step:
    """A column as strings."""
    return lambda frame: require_columns(column)(frame).with_columns(pl.col(column).cast(pl.String))


def require_one_of(column: str, allowed: tuple[str, ...]) -> Step:
    """A column of strings that may hold only these values."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        text = pl.col(column).cast(pl.String)
        return convert(column, pl.when(text.is_in(allowed)).then(text), f"one of {', '.join(allowed)}")(frame)

    return step


def to_epoch_seconds(column: str, time_unit: str = "s", time_format: str | None = None) -> Step:
    """A column of times as whole seconds since 1970, whatever it was.

    Numbers count `time_unit` (s, ms, us, ns). Text is ISO 8601: a date, or a date-time with or without an offset from
    UTC. A time without an offset is taken for UTC. Parts of a second are cut off. With a `time_format`, text and
    numbers are read by that pattern instead, e.g. `%m/%d/%Y %H:%M` or `%Y%m%d`, as UTC.
    """

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        dtype = require_columns(column)(frame).collect_schema()[column]
        if dtype == pl.Date or isinstance(dtype, pl.Datetime):
            return frame.with_columns(pl.col(column).dt.epoch("s"))
        if time_format is not None:
            text = pl.col(column).cast(pl.String).str.strip_chars()
            moment = text.str.to_datetime(time_format, strict=False, time_unit="us")
            return convert(column, moment.dt.epoch("s"), f"a time written as {time_format}")(frame)
        if dtype.is_numeric():
            whole = pl.col(column) if dtype.is_integer() else pl.col(column).floor()
            return frame.with_columns(whole.cast(pl.Int64) // TICKS[time_unit])
        return convert(column, _parse_iso(pl.col(column).cast(pl.String)), "an ISO date or date-time")(frame)

    return step


def _parse_iso(text: pl.Expr) -> pl.Expr:
    plain = text.str.strip_chars().str.replace("T", " ", literal=True).str.replace(r"Z$", "+00:00")
    without_offset = [
        plain.str.to_datetime(pattern, strict=False, time_unit="us").dt.replace_time_zone("UTC")
        for pattern in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    ]
    with_offset = [
        plain.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC")
        for pattern in ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M%#z")
    ]
    return pl.coalesce(*without_offset, *with_offset).dt.epoch("s")
