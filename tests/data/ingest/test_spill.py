"""Rows that wait on disk come back as they were, less those that a look at all of them drops."""

import tempfile
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from reccl.data.ingest import spill
from reccl.data.ingest.funnel import Count, Funnel
from reccl.data.ingest.steps import drop_duplicates
from reccl.errors import DataError

rows = st.lists(st.tuples(st.one_of(st.none(), st.integers(0, 5)), st.text("ab", max_size=2), st.booleans()))


def table(drawn: list[tuple]) -> pl.DataFrame:
    return pl.DataFrame(drawn, schema={"user": pl.Int64, "item": pl.String, "stays": pl.Boolean}, orient="row")


def as_told(pairs: pl.LazyFrame) -> np.ndarray:
    return pairs.collect().get_column("stays").to_numpy()


@settings(max_examples=40, deadline=None)
@given(rows, st.integers(1, 7))
def test_the_rows_that_stay_keep_order_and_types_whatever_the_batch(drawn: list[tuple], batch: int) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(spill, "BATCH", batch)
        kept = spill.filter_rows(table(drawn).lazy(), ["stays"], as_told)
        assert_frame_equal(kept.collect(engine="streaming"), table(drawn).filter("stays"))
        some = kept.filter(pl.col("user") > 2).select("item", "user").collect()
    assert_frame_equal(some, table(drawn).filter("stays", pl.col("user") > 2).select("item", "user"))


@pytest.mark.parametrize("engine", ["streaming", "in-memory"])
@pytest.mark.parametrize("batch", [1, 2, 7])
def test_as_many_rows_come_as_are_asked_for(engine: str, batch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(spill, "BATCH", batch)
    whole = table([(user, "a", user != 1) for user in range(6)])
    kept, stay = spill.filter_rows(whole.lazy(), ["stays"], as_told), whole.filter("stays")
    for number in (0, 1, 3, 9):
        assert_frame_equal(kept.head(number).collect(engine=engine), stay.head(number))
    assert_frame_equal(kept.head(3).filter(pl.col("user") > 1).collect(engine=engine), stay[1:3])
    assert_frame_equal(kept.filter(pl.col("user") > 1).head(2).collect(engine=engine), stay[1:3])


def test_a_decision_sees_the_columns_that_it_asked_for_once_and_not_before_the_rows_are_wanted() -> None:
    seen = []

    def decide(some: pl.LazyFrame) -> np.ndarray:
        seen.append(some.collect_schema().names())
        return np.array([True, False])

    kept = spill.filter_rows(table([(1, "a", True), (2, "b", True)]).lazy(), ["item", "user"], decide)
    assert kept.collect_schema().names() == ["user", "item", "stays"]
    assert seen == []
    assert kept.collect()["user"].to_list() == [1]
    assert seen == [["item", "user"]]


def test_nothing_is_left_on_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    frame = table([(1, "a", True), (1, "a", False)]).lazy()

    def look(some: pl.LazyFrame) -> np.ndarray:
        assert [path.name for path in tmp_path.glob("*/*")] == ["rows.parquet"]
        return as_told(some)

    assert spill.filter_rows(frame, ["stays"], look).collect().height == 1
    assert list(tmp_path.iterdir()) == []


def test_an_error_of_a_decision_comes_through_as_it_is() -> None:
    with pytest.raises(DataError, match=r"^user 1 and item 'a' occur together 2 times"):
        drop_duplicates("error")(table([(1, "a", True), (1, "a", False)]).lazy()).collect(engine="streaming")


def test_a_folder_that_takes_no_rows_is_named_with_what_to_set(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=rf"^rows could not wait in {tmp_path / 'none'}: .*; set TMPDIR to a folder"):
        spill.spill(table([]).lazy(), tmp_path / "none" / "rows.parquet")


def test_a_full_folder_is_named_too_though_polars_calls_it_a_file_out_of_specification(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise pl.exceptions.ComputeError("parquet: underlying IO error: No space left on device (os error 28)")

    monkeypatch.setattr(pl.LazyFrame, "sink_parquet", full)
    with pytest.raises(DataError, match=rf"^rows could not wait in {tmp_path}: .*No space left.*; set TMPDIR to a"):
        spill.spill(table([]).lazy(), tmp_path / "rows.parquet")


def test_a_file_of_the_data_that_is_not_there_is_named_and_not_blamed_on_the_folder(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"^the data cannot be read: .*raw\.csv"):
        spill.spill(pl.scan_csv(tmp_path / "raw.csv"), tmp_path / "rows.parquet")


@settings(max_examples=20, deadline=None)
@given(rows)
def test_a_funnel_on_disk_is_the_funnel_in_memory(drawn: list[tuple]) -> None:
    funnel = Funnel.read(table(drawn).lazy()).then("stays", lambda frame: frame.filter("stays"))
    funnel = funnel.then("once", drop_duplicates("first"))
    collected, counts = funnel.collect()
    with spill.scratch_folder() as folder:
        lazy, again = funnel.sink(Path(folder) / "rows.parquet")
        assert_frame_equal(lazy.collect(), collected)
    stay = table(drawn).filter("stays")
    assert counts == again
    assert counts[:2] == (Count("read", len(drawn)), Count("stays", stay.height))
    assert counts[2].rows == stay.select("user", "item").n_unique()
