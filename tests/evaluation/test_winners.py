"""Who won and who lost is what one sees in two small tables, over several runs too."""

import polars as pl
import pytest

from reccl.evaluation.winners import rank_items, rank_users

BASE = pl.DataFrame({"user": ["a", "b", "c", "d", "e"], "value": [0.5, 0.5, 0.5, 0.5, 0.5]})
OURS = BASE.with_columns(value=pl.Series([0.5, 0.9, 0.2, 0.6, 0.6]))


def test_users_are_ranked_by_what_they_gain_and_counted() -> None:
    found = rank_users([OURS], [BASE], most=2)
    assert (found.users, found.better, found.equal, found.worse) == (5, 0.6, 0.2, 0.2)
    assert found.won["user"].to_list() == ["b", "d"]  # d and e gain the same: the lower id comes first
    assert found.lost.rows() == [("c", 0.2, 0.5, pytest.approx(-0.3))]


def test_users_of_several_runs_have_their_mean_and_others_are_left_out() -> None:
    found = rank_users([OURS, OURS.with_columns(pl.col("value") * 0)], [BASE.head(3)], most=9)
    assert (found.users, found.better) == (3, 0.0)
    assert found.lost["value"].to_list() == pytest.approx([0.1, 0.25, 0.45])
    assert rank_users([OURS], [BASE.with_columns(user=pl.lit("z"))], most=9) is None


def items(hits: dict[int, int], **more: list) -> pl.DataFrame:
    return pl.DataFrame({"item": list(hits), "relevant": [4] * len(hits), "hits_at_10": list(hits.values()), **more})


def test_items_are_ranked_by_the_hits_that_they_gain() -> None:
    found = rank_items([items({1: 3, 2: 0, 3: 1})], [items({1: 1, 2: 2, 3: 1})], k=10, most=5)
    assert (found.items, found.more, found.fewer) == (3, 1, 1)
    assert found.won.rows() == [(1, 4, 3.0, 1.0, 2.0)]
    assert found.lost.rows() == [(2, 4, 0.0, 2.0, -2.0)]


def test_an_item_that_one_table_lacks_has_no_hits_there() -> None:
    found = rank_items([items({1: 3})], [items({2: 2})], k=10, most=5)
    assert found.won.rows() == [(1, 4, 3.0, 0.0, 3.0)]
    assert found.lost.rows() == [(2, 4, 0.0, 2.0, -2.0)]


def test_hits_of_several_runs_are_averaged_over_all_of_them() -> None:
    runs = [items({1: 3}), items({1: 1, 2: 1})]
    found = rank_items(runs, [items({1: 0, 2: 0})], k=10, most=5)
    assert found.won.select("item", "hits").rows() == [(1, 2.0), (2, 0.5)]


def test_items_that_nobody_holds_out_are_no_winners_and_titles_stay() -> None:
    listed = items({1: 3, 2: 0}, title=["One", None])
    found = rank_items([listed.with_columns(relevant=pl.Series([4, 0]))], [items({1: 2})], k=10, most=5)
    assert (found.items, found.won["title"].to_list()) == (1, ["One"])


def test_without_hits_at_that_k_there_is_nothing_to_say() -> None:
    assert rank_items([items({1: 3})], [items({1: 2})], k=20, most=5) is None
