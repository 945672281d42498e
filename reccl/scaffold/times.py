"""Times: whether a column holds moments, in which unit, and from when to when."""

from dataclasses import dataclass, replace
from datetime import UTC, datetime

import polars as pl

from reccl.data.ingest.time_forms import FORMS
from reccl.data.ingest.times import TICKS, Unit, to_epoch_seconds
from reccl.errors import DataError

UNITS: tuple[Unit, ...] = ("s", "ms", "us", "ns")
DATE_LIKE = r"^(?:.{0,30}\d[./ -].{2,30}|(?:19|20)\d{6}(?:\d{4}|\d{6})?)$"
EARLIEST, LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1990, 2040))


@dataclass(frozen=True)
class Times:
    """Moments in a column."""

    unit: Unit | None  # of numbers; None for dates and text
    first: int  # seconds since 1970
    last: int
    format: str | None = None  # of text that is not ISO 8601
    ambiguous: bool = False  # whether another format fits too

    def span(self) -> str:
        """From when to when, as dates.

        >>> Times(None, 0, 86_400 * 31).span()
        '1970-01-01 to 1970-02-01'
        """
        return " to ".join(datetime.fromtimestamp(moment, UTC).date().isoformat() for moment in (self.first, self.last))


def unit_of(lowest: float, highest: float) -> Unit | None:
    """The unit in which numbers from `lowest` to `highest` are moments between 1990 and 2040; None: they are not.

    >>> unit_of(881250949, 893286638), unit_of(1.7e12, 1.8e12), unit_of(1, 5)
    ('s', 'ms', None)
    """
    return next((unit for unit in UNITS if EARLIEST <= lowest / TICKS[unit] <= highest / TICKS[unit] <= LATEST), None)


def times_of(values: pl.Series) -> Times | None:
    """What moments a column holds: dates, date-times, text in one of the usual forms, numbers that count since 1970."""
    values = values.drop_nulls().rename("time")
    if values.is_empty():
        return None
    if values.dtype.is_numeric():
        unit = unit_of(float(values.min()), float(values.max()))  # type: ignore[arg-type]
        if unit is not None:
            return read(values, unit, None)
        return of_formats(values.cast(pl.String)) if values.dtype.is_integer() else None
    if values.dtype == pl.String:
        iso = values.head(20).str.contains(r"^\s*\d{4}-\d{2}-\d{2}").all()
        return read(values, None, None) if iso else of_formats(values)
    return read(values, None, None) if values.dtype == pl.Date or isinstance(values.dtype, pl.Datetime) else None


def of_formats(values: pl.Series) -> Times | None:
    """Moments written in one of `FORMS`, all of them between 1990 and 2040."""
    if not values.str.contains(DATE_LIKE).all():
        return None
    likely = [form for form in FORMS if read(values.head(20), None, form)]
    found = [times for form in likely if (times := read(values, None, form))]
    found = [times for times in found if EARLIEST <= times.first <= times.last <= LATEST]
    return replace(found[0], ambiguous=len({(times.first, times.last) for times in found}) > 1) if found else None


def read(values: pl.Series, unit: Unit | None, form: str | None) -> Times | None:
    """The moments, or None where one of them cannot be read so."""
    try:
        seconds = to_epoch_seconds("time", unit or "s", form)(values.to_frame().lazy()).collect()["time"]
    except (DataError, pl.exceptions.PolarsError):
        return None
    return Times(unit, int(seconds.min()), int(seconds.max()), form)  # type: ignore[arg-type]
