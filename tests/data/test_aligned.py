"""Features stand in the order of the ids; what matches nothing is counted, and an error where nothing matches."""

import polars as pl
import pytest

from reccl.data.aligned import align
from reccl.data.ids import IdMap
from reccl.errors import DataError

IDS = IdMap.fit(pl.Series(["a", "b", "c"]))


def test_rows_have_the_order_of_the_ids_and_the_first_of_an_id_counts() -> None:
    table = pl.LazyFrame({"item": ["c", "a", "c", "b"], "color": ["red", "blue", "green", None]})
    aligned, notes = align(table, "item", IDS)
    assert aligned is not None
    assert aligned.rows() == [("blue",), (None,), ("red",)]
    assert notes == ("the table of items: 1 rows repeat an id: left out",)


def test_what_does_not_match_is_counted() -> None:
    table = pl.LazyFrame({"item": ["c", None, "c", "x", "y"], "color": ["red"] * 5})
    assert align(table, "item", IDS)[1] == (
        "the table of items: 1 rows have no id: left out",
        "the table of items: 1 rows repeat an id: left out",
        "the table of items: 2 of 3 items are not in it: their features are missing",
        "the table of items: 2 items have no interactions",
    )


def test_a_table_that_matches_nothing_is_an_error() -> None:
    with pytest.raises(DataError, match=r"no user of the table of users has .* such as 108 .*'a' .String"):
        align(pl.LazyFrame({"user": [108]}), "user", IDS)
    empty, _ = align(pl.LazyFrame(schema={"user": pl.String, "age": pl.Int64}), "user", IDS)
    assert empty is not None
    assert empty.rows() == [(None,)] * 3
