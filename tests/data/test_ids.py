"""Ids and row numbers are in bijection; what is not known has no row."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reccl.data.ids import IdMap

numbers = st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=40)
words = st.lists(st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), max_size=6), min_size=1, max_size=40)


@given(numbers | words)
def test_every_id_goes_to_its_own_row_and_back(raw: list[int] | list[str]) -> None:
    series = pl.Series("user", raw)
    ids = IdMap.fit(series)
    rows = ids.to_rows(series)
    assert ids.to_ids(rows).to_list() == raw
    assert sorted(set(rows.to_list())) == list(range(len(set(raw)))) == list(range(len(ids)))


@given(numbers | words, st.randoms(use_true_random=False))
def test_the_numbering_depends_on_the_set_of_ids_alone(raw: list[int] | list[str], random) -> None:
    again = raw + raw[:3]
    random.shuffle(again)
    assert IdMap.fit(pl.Series(again)).ids.to_list() == IdMap.fit(pl.Series(raw)).ids.to_list()


@given(numbers | words, st.data())
def test_a_few_ids_among_many_are_searched_and_have_the_same_rows(
    raw: list[int] | list[str], data: st.DataObject
) -> None:
    """Also where some were added later, behind the sorted ones."""
    ids = IdMap.fit(pl.Series(raw[: len(raw) // 2 + 1])).with_new(pl.Series(raw))
    asked = pl.Series("user", data.draw(st.lists(st.sampled_from(raw) | st.none(), min_size=1)), dtype=ids.ids.dtype)
    unknown = 1 if ids.ids.dtype.is_integer() else "unknown"
    asked = pl.concat([asked, pl.Series("user", [unknown], dtype=ids.ids.dtype)])
    assert ids.search(asked).to_list() == ids.to_rows(asked).to_list()


def test_few_is_what_the_size_of_the_map_says() -> None:
    ids = IdMap(pl.Series([f"u{place}" for place in range(5_000)]))  # in the order of numbers, not of text
    assert ids.to_rows(pl.Series("user", ["u4999", None, "x", "u17"])).to_list() == [4999, None, None, 17]
    assert ids.to_rows(pl.Series("user", ["u7"])).name == "user"
    assert ids.to_rows(pl.Series("user", [], dtype=pl.String)).to_list() == []


@pytest.mark.parametrize(("known", "asked"), [([3, 1, 7], [7, 2, None, 1]), (["c", "a", "g"], ["g", "b", None, "a"])])
def test_unknown_and_missing_ids_have_no_row(known: list, asked: list) -> None:
    assert IdMap.fit(pl.Series(known)).to_rows(pl.Series(asked)).to_list() == [2, None, None, 0]


def test_ids_of_several_columns_share_one_numbering_and_nulls_get_none() -> None:
    ids = IdMap.fit(pl.Series(["b", None]), pl.Series(["a", "b"]))
    assert ids.ids.to_list() == ["a", "b"]
    assert len(ids) == 2


def test_rows_keep_the_name_and_the_order_and_are_small_integers() -> None:
    rows = IdMap.fit(pl.Series([5, 6])).to_rows(pl.Series("item", [6, 5, 6]))
    assert (rows.name, rows.dtype, rows.to_list()) == ("item", pl.Int32, [1, 0, 1])


def test_ids_typed_on_a_command_line_find_whole_numbers() -> None:
    assert IdMap.fit(pl.Series([7, 12])).to_rows(pl.Series(["12", "seven", "8"])).to_list() == [1, None, None]


@pytest.mark.parametrize(
    ("asked", "rows"),
    [
        ([1.0, 1.5, 2.0, None, float("nan"), float("inf")], [0, None, 1, None, None, None]),
        (["1", "1.5", "two", "2"], [0, None, None, 1]),
        ([True, False], [None, None]),
        ([2**62, 1], [None, 0]),
    ],
)
def test_an_id_that_is_no_whole_number_is_not_taken_for_one(asked: list, rows: list) -> None:
    assert IdMap.fit(pl.Series([1, 2], dtype=pl.Int32)).to_rows(pl.Series(asked)).to_list() == rows


def test_whole_numbers_find_the_text_that_writes_them_also_where_missing_ones_made_them_floats() -> None:
    ids = IdMap.fit(pl.Series(["1", "20", "1.5"]))
    assert ids.to_rows(pl.Series([20, 3])).to_list() == [1 + 1, None]
    assert ids.to_rows(pl.Series([1.0, None, 20.0, 1.5])).to_list() == [0, None, 2, None]


def test_new_ids_stand_behind_the_old_ones_whose_numbers_stay() -> None:
    ids = IdMap.fit(pl.Series([5, 9])).with_new(pl.Series(["7", "9", None, "1"]))
    assert ids.ids.to_list() == [5, 9, 1, 7]
    assert ids.to_rows(pl.Series([7, 5, 1, 2])).to_list() == [3, 0, 2, None]
