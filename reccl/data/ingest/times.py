"""Times: dates, text and numbers as whole seconds since 1970."""

from datetime import datetime
from typing import Literal

import polars as pl

from reccl.data.ingest.conversions import Conversion
from reccl.errors import DataError

Unit = Literal["s", "ms", "us", "ns"]
TICKS = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}


def to_epoch_seconds(
    column: str, time_unit: str = "s", time_format: str | None = None, time_zone: str = "UTC"
) -> Conversion:
    """A column of times as whole seconds since 1970, whatever it was.

    Numbers count `time_unit` (s, ms, us, ns). Text is a number, or ISO 8601: a date, or a date-time with or without an
    offset from UTC. A time without an offset is one of `time_zone`. Parts of a second are cut off. With a
    `time_format`, text and numbers are read by that pattern instead, e.g. `%m/%d/%Y %H:%M` or `%Y%m%d`.
    """

    def expression(values: pl.Expr, dtype: pl.DataType) -> pl.Expr:
        if isinstance(dtype, pl.Datetime) and dtype.time_zone is not None:
            return values.dt.epoch("s")
        if dtype == pl.Date or isinstance(dtype, pl.Datetime):
            return place_in_zone(values.cast(pl.Datetime("us")), time_zone)
        if time_format is not None:
            return parse_as(values.cast(pl.String), time_format, time_zone)
        if dtype.is_numeric():
            return count_seconds(values, time_unit)
        return values.cast(pl.String).map_batches(lambda text: _parse_times(text, time_unit, time_zone), pl.Int64)

    iso = "an ISO date or date-time, or a number"
    advice = "mend the file" if time_format else "set time_format to how it is written, or mend the file"
    return Conversion(column, expression, f"a time written as {time_format}" if time_format else iso, advice)


def check_zone(name: str) -> str:
    """The name of a time zone. Raises DataError where there is none of that name."""
    try:
        pl.select(pl.lit(datetime(2000, 1, 1)).dt.replace_time_zone(name))
    except pl.exceptions.PolarsError:
        raise DataError(f"time_zone: there is no {name!r}; write a name such as Europe/Berlin") from None
    return name


def count_seconds(values: pl.Expr, time_unit: str) -> pl.Expr:
    """Numbers that count a unit, as whole seconds."""
    whole = pl.coalesce(values.cast(pl.Int64, strict=False), values.cast(pl.Float64).floor().cast(pl.Int64))
    return whole // TICKS[time_unit]


def to_number(text: pl.Expr) -> pl.Expr:
    """Text that is a number, as a whole one."""
    text = text.str.strip_chars()
    fraction = text.cast(pl.Float64, strict=False).floor()
    return pl.coalesce(text.cast(pl.Int64, strict=False), fraction.cast(pl.Int64, strict=False))


def place_in_zone(moments: pl.Expr, time_zone: str) -> pl.Expr:
    """Date-times without an offset as seconds; of an hour that comes twice the first, null in one that is skipped."""
    if time_zone != "UTC":
        moments = moments.dt.replace_time_zone(time_zone, ambiguous="earliest", non_existent="null")
    return moments.dt.epoch("s")


def parse_as(text: pl.Expr, form: str, time_zone: str = "UTC") -> pl.Expr:
    """Text by a pattern as seconds, null where it does not fit."""
    text = text.str.strip_chars()
    if "%z" in form or "%:z" in form or "%#z" in form:
        return text.str.to_datetime(form, strict=False, time_unit="us", time_zone="UTC").dt.epoch("s")
    return place_in_zone(text.str.to_datetime(form, strict=False, time_unit="us"), time_zone)


def _parse_times(text: pl.Series, time_unit: str, time_zone: str) -> pl.Series:
    """Text as seconds: numbers, else ISO 8601; null where it is neither."""
    seconds = text.to_frame().select(to_number(pl.first()) // TICKS[time_unit]).to_series()
    if seconds.null_count() == text.null_count():
        return seconds
    return text.to_frame().select(pl.coalesce(seconds, parse_iso(pl.first(), time_zone))).to_series()


def parse_iso(text: pl.Expr, time_zone: str = "UTC") -> pl.Expr:
    """ISO 8601 as seconds; `Z`, `UTC` and `GMT` at the end are an offset of 0."""
    plain = text.str.strip_chars().str.replace(r"^([\d-]+)T", "${1} ").str.replace(r"\s*(?:Z|UTC|GMT)$", "+00:00")
    without_offset = [
        place_in_zone(plain.str.to_datetime(pattern, strict=False, time_unit="us"), time_zone)
        for pattern in ("%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%d %H:%M", "%Y-%m-%d")
    ]
    with_offset = [
        plain.str.to_datetime(pattern, strict=False, time_unit="us", time_zone="UTC").dt.epoch("s")
        for pattern in ("%Y-%m-%d %H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f %#z", "%Y-%m-%d %H:%M%#z")
    ]
    return pl.coalesce(*without_offset, *with_offset)
