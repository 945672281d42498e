"""How times are written is told by all rows, and said; what could be two things is an error."""

from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import polars as pl
import pytest

from reccl.bundle import locate_bundled
from reccl.data.ingest import pipelines
from reccl.data.ingest.time_forms import FORMS
from reccl.data.ingest.times import to_epoch_seconds
from reccl.errors import DataError

TABLE = pipelines.load(str(locate_bundled("pipelines") / "table.py"))
MOMENTS = [datetime(2025, 1, 31, 23, 59, 58, tzinfo=UTC), datetime(2024, 2, 29, 1, 2, 3, tzinfo=UTC)]
SECONDS = [int(moment.timestamp()) for moment in MOMENTS]


def read(values: list[object] | pl.Series, **keys: object) -> tuple[list[int], tuple[str, ...]]:
    """Seconds as the table pipeline reads them, and what it says."""
    table = pl.DataFrame({"user": range(len(values)), "item": 1, "at": values})
    frame = pipelines.load(str(locate_bundled("pipelines") / "frame.py"))
    tables = frame.run(Path(), interactions=source(table), timestamp="at", **keys)
    return tables.interactions.collect()[0]["timestamp"].to_list(), tables.notes


def source(table: pl.DataFrame) -> object:
    from reccl.data.ingest.frames import Frame

    return Frame.from_any(table)


@pytest.mark.parametrize("as_text", [False, True])
@pytest.mark.parametrize(
    ("unit", "name"), [("s", ""), ("ms", "milliseconds"), ("us", "microseconds"), ("ns", "nanoseconds")]
)
def test_what_numbers_count_is_told_by_their_size(unit: str, name: str, as_text: bool) -> None:
    ticks = {"s": 1, "ms": 10**3, "us": 10**6, "ns": 10**9}[unit]
    numbers = [second * ticks + ticks // 2 for second in SECONDS] + [0]
    seconds, notes = read([str(number) for number in numbers] if as_text else numbers)
    assert seconds == [*SECONDS, 0]
    assert notes == (
        ()
        if unit == "s"
        else (f"timestamp counts {name} by its size: 1970-01-01 to 2025-01-31; set time_unit to say otherwise",)
    )


def test_a_unit_that_is_said_is_not_told() -> None:
    assert read([1_700_000_000_000], time_unit="s") == ([1_700_000_000_000], ())
    assert read([1_700_000_000], time_unit="ms") == ([1_700_000], ())


def test_numbers_of_several_units_are_an_error_that_names_a_row() -> None:
    message = (
        r"timestamp mixes units: by their size 3 milliseconds and 1 seconds, such as 1700000000 in row 3; "
        r"mend these, or set time_unit: ms for all"
    )
    for form in (int, str, float):
        with pytest.raises(DataError, match=message.replace("1700000000", r"1700000000(\.0)?")):
            read([form(value) for value in (1_700_000_000_000, 1_700_000_001_000, 1_700_000_000, 1_700_000_002_000)])


@pytest.mark.parametrize("form", [form for form in FORMS if "%y" not in form])
def test_every_known_form_reads_its_own_times(form: str) -> None:
    written = [moment.strftime(form.replace("%.f", ".%f")) for moment in MOMENTS]
    if "%z" in form:
        written = [text.replace("+0000", "+0200") for text in written]
        size = 60 if "%S" not in form else 1
        expected = [second // size * size - 7200 for second in SECONDS]
    else:
        size = 60 if "%S" not in form else 1
        size = 86_400 if "%H" not in form and "%I" not in form else size
        expected = [second // size * size for second in SECONDS]
    seconds, (note,) = read(written)
    assert seconds == expected
    assert note.startswith(f"timestamp is read as {form}: 2024-02-2") or same_reading(form, note, written)


def same_reading(form: str, note: str, written: list[str]) -> bool:
    """Whether the form that was told instead reads these times alike."""
    other = note.removeprefix("timestamp is read as ").partition(": 2024")[0]
    table = pl.LazyFrame({"at": written})
    return (
        to_epoch_seconds("at", "s", form)(table).collect().equals(to_epoch_seconds("at", "s", other)(table).collect())
    )


@pytest.mark.parametrize(
    ("written", "form"),
    [
        (["31.12.25", "01.02.25 "], "%d.%m.%y"),
        (["11/11/2019 9:05:58 AM", "11/14/2019 12:00:00 PM"], "%m/%d/%Y %I:%M:%S %p"),
        (["1/2/2025 8:05", "31/1/2025 18:05"], "%d/%m/%Y %H:%M"),
        (["Wed Nov 29 12:00:00 -0800 2006"], "%a %b %d %H:%M:%S %z %Y"),
    ],
)
def test_fields_may_be_short(written: list[str], form: str) -> None:
    assert read(written)[1][0].startswith(f"timestamp is read as {form}: ")


def test_days_and_months_that_could_be_either_are_an_error() -> None:
    text = [f"{day:02}/{month:02}/2025" for day in range(1, 13) for month in range(1, 13)]
    with pytest.raises(DataError, match=r"'01/01/2025' can be read as %m/%d/%Y and as %d/%m/%Y, and both fit all rows"):
        read(text)
    assert read([*text, "13/01/2025"])[1] != ()
    assert read(text, time_format="%d/%m/%Y")[0][1] == int(datetime(2025, 2, 1, tzinfo=UTC).timestamp())
    assert read(["01/01/2025", "02/02/2025"])[0] == [1735689600, 1738454400]


def test_the_first_row_that_no_form_fits_is_named() -> None:
    with pytest.raises(DataError, match=r"timestamp 'soon' in row 1502 .* is not a time written as %d\.%m\.%Y"):
        read([*["31.12.2025"] * 1501, "soon"])
    with pytest.raises(DataError, match=r"timestamp 'Q.' in row . .*ISO date.*; set time_format to how it is written"):
        read(["Q4", "Q1"])


@pytest.mark.parametrize("written", ["2025-01-31T23:59:58Z", "2025-01-31 23:59:58 UTC", "2025-02-01 00:59:58.5+01:00"])
def test_iso_has_offsets_and_names_of_utc(written: str) -> None:
    assert read([written]) == ([SECONDS[0]], ())


def test_times_without_an_offset_are_those_of_the_zone() -> None:
    naive, aware = datetime(2025, 7, 1, 12), datetime(2025, 7, 1, 12, tzinfo=UTC)
    noon = int(aware.timestamp())
    for values in (["2025-07-01 12:00"], ["1.7.2025 12:00"], [naive]):
        assert read(values)[0] == [noon]
        assert read(values, time_zone="Europe/Berlin")[0] == [noon - 7200]
    assert read([aware], time_zone="Europe/Berlin")[0] == [noon]
    assert read(["2025-07-01 12:00Z"], time_zone="Europe/Berlin")[0] == [noon]
    with pytest.raises(DataError, match=r"2025-03-30 02:30.* in row 1"):
        read(["2025-03-30 02:30"], time_zone="Europe/Berlin")
    with pytest.raises(DataError, match=r"time_zone: there is no 'Berlin'; write a name such as Europe/Berlin"):
        read(["2025-07-01 12:00"], time_zone="Berlin")


@pytest.mark.parametrize(
    "dtype", [pl.Date, *(pl.Datetime(unit, zone) for unit in ("ms", "us", "ns") for zone in (None, "Asia/Tokyo"))]
)
def test_dates_and_date_times_of_any_unit_and_zone(tmp_path: Path, dtype: pl.DataType) -> None:
    times = pl.Series("timestamp", [datetime(2025, 1, 31), datetime(2024, 2, 29)]).cast(pl.Datetime("us"))
    times = (
        times.dt.replace_time_zone("UTC").dt.convert_time_zone("Asia/Tokyo").cast(dtype)
        if getattr(dtype, "time_zone", None)
        else times.cast(dtype)
    )
    pl.DataFrame({"user": [1, 2], "item": [3, 4], "timestamp": times}).write_parquet(tmp_path / "buys.parquet")
    table = TABLE.run(tmp_path, timestamp="timestamp").interactions.collect()[0]
    assert table["timestamp"].to_list() == [1738281600, 1709164800]


@pytest.mark.parametrize("values", [[timedelta(1)], [[1]], [True]])
def test_what_holds_no_times_is_refused(values: list[object]) -> None:
    with pytest.raises(DataError, match=r"timestamp holds .*, which is no time"):
        read(values)


OWN = """
import polars as pl
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from pathlib import Path

def pipeline(raw: Path) -> Tables:
    return Tables(Funnel.read(pl.scan_parquet(raw / "rows.parquet")))
"""


@pytest.mark.parametrize(
    "times",
    [
        pl.datetime_range(datetime(2025, 1, 1), datetime(2025, 1, 20), "1d", eager=True),
        pl.date_range(date(2025, 1, 1), date(2025, 1, 20), eager=True),
        pl.date_range(date(2025, 1, 1), date(2025, 1, 20), eager=True).cast(pl.String),
        pl.date_range(date(2025, 1, 1), date(2025, 1, 20), eager=True)
        .cast(pl.Datetime("ms"))
        .cast(pl.Int64)
        .cast(pl.Float64),
    ],
    ids=["date-time", "date", "text", "float milliseconds"],
)
def test_a_pipeline_of_ones_own_may_give_times_of_any_type(tmp_path: Path, times: pl.Series) -> None:
    (tmp_path / "own.py").write_text(OWN)
    table = pl.DataFrame({"user": [1, 2] * 10, "item": range(20), "timestamp": times, "rating": ["3,5"[:1]] * 20})
    table.write_parquet(tmp_path / "rows.parquet")
    from reccl.data.dataset import run_pipeline
    from reccl.data.settings import validate_data

    section = {"pipeline": str(tmp_path / "own.py"), "source": str(tmp_path), "split": {"kind": "temporal"}}
    data = run_pipeline(validate_data(section), tmp_path)
    assert data.train["timestamp"].dtype == pl.Int64
    assert data.test["timestamp"].max() == int(datetime(2025, 1, 20, tzinfo=UTC).timestamp())
    assert data.train["rating"].to_list() == [3.0] * data.train.height
