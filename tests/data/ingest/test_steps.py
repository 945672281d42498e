"""Steps keep what they say they keep, and refuse in one line that names the value and the row."""

from collections import Counter
from datetime import UTC, date, datetime

import numpy as np
import polars as pl
import pytest

from reccl.data.ingest import conversions, steps, times
from reccl.data.ingest.funnel import Count
from reccl.errors import DataError


def collected(step: steps.Step, **columns: list[object]) -> pl.DataFrame:
    return step(pl.LazyFrame(columns)).collect(engine="streaming")


def slow_core(pairs: list[tuple[int, int]], user: int, item: int) -> list[tuple[int, int]]:
    while True:
        users, items = Counter(u for u, _ in pairs), Counter(i for _, i in pairs)
        kept = [(u, i) for u, i in pairs if users[u] >= user and items[i] >= item]
        if kept == pairs:
            return kept
        pairs = kept


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("text", [False, True])
def test_core_equals_dropping_one_round_after_another(seed: int, text: bool) -> None:
    random = np.random.default_rng(seed)
    pairs = sorted({(int(u), int(i)) for u, i in zip(random.integers(0, 40, 150), random.zipf(1.5, 150), strict=True)})
    frame = pl.LazyFrame(pairs, schema=["user", "item"], orient="row")
    if text:
        frame = frame.with_columns(pl.all().cast(pl.String))
    core = steps.filter_k_core(3, 2)(frame).collect().cast(pl.Int64)
    assert core.rows() == slow_core(pairs, 3, 2)


def test_core_unravels_a_chain_to_nothing() -> None:
    chain = [(n, n) for n in range(50)] + [(n, n + 1) for n in range(49)]  # its ends fall off one at a time
    users, items = zip(*chain, strict=True)
    assert collected(steps.filter_k_core(2, 2), user=list(users), item=list(items)).is_empty()


def test_core_takes_ids_far_apart_and_drops_rows_of_nobody() -> None:
    table = collected(steps.filter_k_core(2, 0), user=[2**62, 2**62, -5, None, None], item=[1, 2, 1, 1, 2])
    assert table["user"].to_list() == [2**62, 2**62]


def test_core_of_nothing_keeps_every_row_in_order() -> None:
    assert collected(steps.filter_k_core(), user=["b", "a"], item=[1, 2])["user"].to_list() == ["b", "a"]


def test_a_missing_column_is_named_with_what_is_there_and_what_was_meant() -> None:
    with pytest.raises(DataError, match=r"no column 'rating'; did you mean 'ratings'.*there are: item, ratings, user"):
        collected(steps.filter_ratings(4), user=[1], item=[1], ratings=[5])


def test_minimum_rating_keeps_the_rows_at_or_above_it() -> None:
    assert collected(steps.filter_ratings(3.5), rating=[3.5, 3.4, None, float("nan"), 5.0])["rating"].to_list() == [
        3.5,
        5.0,
    ]


def test_minimum_rating_reads_text_and_names_the_value_that_is_no_number() -> None:
    assert collected(steps.filter_ratings(4), rating=["4", " 5.0 ", "1"])["rating"].to_list() == [4.0, 5.0]
    with pytest.raises(DataError, match=r"^rating 'good' in row 3 \(user 9, item 'c'\) is not a number"):
        collected(steps.filter_ratings(4), user=[7, 8, 9], item=["a", "b", "c"], rating=["4", "5", "good"])


def test_nulls_are_dropped_or_named() -> None:
    columns = {"user": [1, None, 2], "item": ["a", "b", None]}
    assert collected(steps.drop_nulls("user", "item"), **columns).rows() == [(1, "a")]
    with pytest.raises(DataError, match=r"row 2 has no user; .* nulls: drop"):
        collected(steps.drop_nulls("user", policy="error"), **columns)


@pytest.mark.parametrize(("keep", "kept"), [("first", ["early", "only"]), ("last", ["late", "only"])])
def test_duplicates_are_settled_by_time_not_by_row_order(keep: str, kept: list[str]) -> None:
    table = collected(
        steps.drop_duplicates(keep),  # type: ignore[arg-type]
        user=[1, 1, 1, 2],
        item=[1, 1, 1, 1],
        timestamp=[20, 30, 10, 5],
        note=["middle", "late", "early", "only"],
    )
    assert sorted(table["note"]) == sorted(kept)


def test_duplicates_without_time_are_settled_by_row_order() -> None:
    columns = {"user": [2, 1, 2], "item": [1, 1, 1], "note": ["a", "b", "c"]}
    assert collected(steps.drop_duplicates("first"), **columns)["note"].to_list() == ["a", "b"]
    assert collected(steps.drop_duplicates("last"), **columns)["note"].to_list() == ["b", "c"]


def test_duplicates_in_large_tables_give_the_same_rows_every_time() -> None:
    random = np.random.default_rng(0)
    frame = pl.LazyFrame(
        {name: random.integers(0, top, 20_000) for name, top in (("user", 60), ("item", 60), ("timestamp", 9))}
    ).with_row_index("row")
    results = [steps.drop_duplicates("last")(frame).collect(engine="streaming") for _ in range(3)]
    assert results[0].equals(results[1])
    assert results[0].equals(results[2])
    assert results[0]["row"].is_sorted()


def test_duplicates_as_an_error_name_the_pair() -> None:
    with pytest.raises(DataError, match=r"user 'ann' and item 3 occur together 2 times .* set duplicates: first"):
        collected(steps.drop_duplicates("error"), user=["ann", "bob", "ann"], item=[3, 3, 3])
    assert collected(steps.drop_duplicates("error"), user=[1, 1], item=[1, 2]).height == 2


def test_a_time_window_holds_its_start_and_not_its_end() -> None:
    days = [883_612_799, 883_612_800, 883_699_199, 883_699_200]
    window = steps.filter_times("1998-01-01", date(1998, 1, 2))
    assert collected(window, timestamp=days)["timestamp"].to_list() == days[1:3]
    assert collected(steps.filter_times(since=883_699_200), timestamp=days).height == 1
    assert collected(steps.filter_times(until=datetime(1998, 1, 1, tzinfo=UTC)), timestamp=days).height == 1


def test_a_moment_that_is_none_teaches_how_to_write_one() -> None:
    with pytest.raises(DataError, match=r"'last year' is no point in time; write an ISO date"):
        steps.filter_times(since="last year")
    with pytest.raises(DataError, match=r"since must come before until"):
        steps.filter_times(since="1998-01-02", until="1998-01-01")


@pytest.mark.parametrize(
    "text", ["2020-01-01", "2020-01-01T00:00:00Z", "2020-01-01 00:00", "2020-01-01T01:00:00.5+01:00", " 2020-01-01 "]
)
def test_iso_text_becomes_seconds_since_1970(text: str) -> None:
    assert collected(times.to_epoch_seconds("timestamp"), timestamp=[text, None])["timestamp"].to_list() == [
        1_577_836_800,
        None,
    ]


def test_dates_and_counts_become_seconds_since_1970() -> None:
    second = 1_577_836_800
    moments = [date(2020, 1, 1)], [datetime(2020, 1, 1)], [datetime(2020, 1, 1, tzinfo=UTC)]
    for moment in moments:
        assert collected(times.to_epoch_seconds("t"), t=list(moment))["t"].to_list() == [second]
    assert collected(times.to_epoch_seconds("t", "ms"), t=[second * 1000 + 999])["t"].to_list() == [second]
    assert collected(times.to_epoch_seconds("t"), t=[second + 0.9])["t"].to_list() == [second]
    with pytest.raises(DataError, match=r"t 'soon' in row 2 is not an ISO date"):
        collected(times.to_epoch_seconds("t"), t=["2020-01-01", "soon"])


def test_whole_numbers_refuse_text_that_a_number_could_not_give_back() -> None:
    assert collected(conversions.to_whole_numbers("user"), user=["10", "-3", None])["user"].to_list() == [10, -3, None]
    with pytest.raises(DataError, match=r"user '007' in row 1"):
        collected(conversions.to_whole_numbers("user"), user=["007"])


def test_an_empty_table_names_the_step_that_emptied_it() -> None:
    counts = (Count("read", 10), Count("rating >= 6", 0), Count("core", 0))
    with pytest.raises(DataError, match=r"step 'rating >= 6' left no rows .10 read -> 0 rating >= 6"):
        steps.require_rows(counts)
    steps.require_rows(counts[:1])
