"""Time forms: how a column of times is written, told by all of its rows."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from reccl.data.ingest.checks import ROW
from reccl.data.ingest.times import Unit, count_seconds, parse_as, parse_iso, to_number
from reccl.errors import DataError

UNITS: dict[Unit, str] = {"s": "seconds", "ms": "milliseconds", "us": "microseconds", "ns": "nanoseconds"}
BANDS: tuple[tuple[Unit, float], ...] = (("s", 1e11), ("ms", 1e14), ("us", 1e17), ("ns", float("inf")))
"""Below which size a number counts which unit: as seconds it would be after the year 5000, as the next before 1974."""
DAYS = (
    *("%Y/%m/%d", "%Y.%m.%d", "%d.%m.%Y", "%d.%m.%y", "%m/%d/%Y", "%d/%m/%Y", "%m/%d/%y", "%d/%m/%y", "%m-%d-%Y"),
    *("%d-%m-%Y", "%m %d, %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y", "%d/%b/%Y"),
)
HOURS = ("", " %H:%M", " %H:%M:%S", " %H:%M:%S%.f", " %I:%M %p", " %I:%M:%S %p", ", %H:%M", ", %H:%M:%S", "T%H:%M:%S")
DIGITS = {8: "%Y%m%d", 12: "%Y%m%d%H%M", 14: "%Y%m%d%H%M%S"}
"""Forms of numbers, by how many digits they have."""
FORMS = (
    *(f"{day}{hour}" for day in DAYS for hour in HOURS),
    *(f"{day}{hour} %z" for day in DAYS for hour in HOURS[1:4]),
    *("%a %b %d %H:%M:%S %z %Y", "%a %b %d %H:%M:%S %Y", "%a, %d %b %Y %H:%M:%S %z", "%d/%b/%Y:%H:%M:%S %z"),
    *("%Y%m%d %H:%M", "%Y%m%d %H:%M:%S", "%Y%m%dT%H%M%S", *DIGITS.values()),
)
"""Known forms, besides ISO 8601."""
SAMPLE = 1000
EARLIEST, LATEST = (int(datetime(year, 1, 1, tzinfo=UTC).timestamp()) for year in (1900, 2200))
TIME = "__time"


@dataclass(frozen=True)
class TimeForm:
    """How times are written: numbers of a unit, or text of a form (None: ISO 8601)."""

    unit: Unit = "s"
    form: str | None = None
    note: str | None = None
    """What a user may want to know of how that was told."""


def tell_time_form(frame: pl.LazyFrame, column: str, zone: str = "UTC") -> TimeForm:
    """The unit or the form of a column, by all of its rows.

    Raises DataError where numbers are of several units, and where two forms fit and differ.
    """
    dtype = frame.collect_schema()[column]
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return TimeForm()
    if not (dtype.is_numeric() or dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null)):
        raise DataError(f"{column} holds {dtype}, which is no time; name a column of dates, date-times or numbers")
    rows = frame.select(pl.col(column).alias(TIME)).with_row_index(ROW, offset=1).drop_nulls(TIME)
    if not dtype.is_numeric():
        rows = rows.with_columns(pl.col(TIME).cast(pl.String).str.strip_chars())
        sample = rows.head(SAMPLE).collect()
        if sample.select(to_number(pl.col(TIME)).is_null().any()).item():
            iso = sample.select(pl.coalesce(to_number(pl.col(TIME)), parse_iso(pl.col(TIME))).is_not_null().all())
            return TimeForm() if iso.item() else tell_text_form(rows, sample, column, zone)
    number = pl.col(TIME) if dtype.is_numeric() else to_number(pl.col(TIME))
    return tell_unit(rows, number, column)


def tell_unit(rows: pl.LazyFrame, number: pl.Expr, column: str) -> TimeForm:
    """What numbers count, by their size; or the form of such as 20261231."""
    size = number.cast(pl.Float64).abs()
    size = pl.when(size > 0).then(size)  # 0 is 1970 in every unit
    found = rows.select(low=size.min(), high=size.max()).collect(engine="streaming").row(0, named=True)
    low, high = found["low"], found["high"]
    if low is None or not high < float("inf"):
        return TimeForm()
    digits = len(f"{low:.0f}")
    if digits in DIGITS and digits == len(f"{high:.0f}"):
        form, text = DIGITS[digits], number.cast(pl.Int64, strict=False).cast(pl.String)
        span = find_span(rows, parse_as(text, form))
        if span is not None:
            return TimeForm(
                form=form, note=f"{column} is read as {form}: {span}; set time_unit or time_format otherwise"
            )
    unit = unit_of(low)
    if unit != unit_of(high):
        raise refuse_mixture(rows, number, size, column)
    if unit == "s":
        return TimeForm()
    span = find_span(rows, count_seconds(number, unit)) or "beyond any calendar"
    return TimeForm(unit, note=f"{column} counts {UNITS[unit]} by its size: {span}; set time_unit to say otherwise")


def unit_of(size: float) -> Unit:
    """The unit of a number of this size.

    >>> unit_of(1.7e9), unit_of(1.7e12), unit_of(1.7e15), unit_of(1.7e18)
    ('s', 'ms', 'us', 'ns')
    """
    return next(unit for unit, beyond in BANDS if size < beyond)


def refuse_mixture(rows: pl.LazyFrame, number: pl.Expr, size: pl.Expr, column: str) -> DataError:
    """The error for numbers of several units: how many there are of each, and a row of the rarest."""
    band = pl.sum_horizontal((size >= beyond).cast(pl.Int8) for _, beyond in BANDS[:-1])
    bands = rows.select(ROW, number.alias(TIME), band=pl.when(size.is_not_null()).then(band))
    counted = bands.drop_nulls("band").group_by("band").agg(pl.len(), pl.col(ROW, TIME).sort_by(ROW).first())
    kinds = counted.collect(engine="streaming").sort("len", "band", descending=True)
    told = [f"{row['len']:,} {UNITS[BANDS[row['band']][0]]}" for row in kinds.iter_rows(named=True)]
    row, value = kinds.select(ROW, TIME).row(-1)
    common = BANDS[kinds["band"][0]][0]
    return DataError(
        f"{column} mixes units: by their size {' and '.join(told)}, such as {value} in row {row}; "
        f"mend these, or set time_unit: {common} for all"
    )


def tell_text_form(rows: pl.LazyFrame, sample: pl.DataFrame, column: str, zone: str) -> TimeForm:
    """The known form that fits all rows; ISO 8601 where none does."""
    moment = without_zone(pl.col(TIME), zone)

    def fits(form: str, table: pl.DataFrame) -> bool:
        return bool(table.select(is_moment(parse_as(moment, form)).all()).item())

    likely = [form for form in FORMS if fits(form, sample.head(1))]
    likely = [form for form in likely if fits(form, sample)]
    if not likely:
        return TimeForm()
    read = {form: parse_as(moment, form, zone) for form in likely}
    whole = rows.select(is_moment(each).all().alias(form) for form, each in read.items())
    found = whole.collect(engine="streaming").row(0, named=True)
    fitting = [form for form in likely if found[form]]
    if not fitting:  # the error for the first row that it does not fit says where
        return TimeForm(form=likely[0])
    first, *others = fitting
    if others:
        differ = rows.select((read[first] != read[form]).any().alias(form) for form in others)
        told = differ.collect(engine="streaming").row(0, named=True)
        others = [form for form in others if told[form]]
    if others:
        raise DataError(
            f"{column} {sample[TIME][0]!r} can be read as {first} and as {others[0]}, and both fit all rows; "
            "set time_format to the one it is"
        )
    span = find_span(rows, read[first])
    return TimeForm(form=first, note=f"{column} is read as {first}: {span}; set time_format to say otherwise")


def without_zone(text: pl.Expr, zone: str) -> pl.Expr:
    """Text without the name of the zone that is taken anyway."""
    return text.str.replace(r"\s+(?:UTC|GMT)$", "") if zone == "UTC" else text


def is_moment(seconds: pl.Expr) -> pl.Expr:
    """Whether a moment was read, and is one of our times."""
    return seconds.is_between(EARLIEST, LATEST).fill_null(False)


def find_span(rows: pl.LazyFrame, seconds: pl.Expr) -> str | None:
    """From when to when moments are, as dates; None where some are not read, or far from our times."""
    ends = rows.select(seconds.min().alias("first"), seconds.max().alias("last"), all=is_moment(seconds).all())
    first, last, all_read = ends.collect(engine="streaming").row(0)
    show: Callable[[int], str] = lambda moment: datetime.fromtimestamp(moment, UTC).date().isoformat()  # noqa: E731
    return f"{show(first)} to {show(last)}" if all_read and first is not None else None
