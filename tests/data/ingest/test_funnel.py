"""A funnel runs once, counts every step, and runs nothing before it is collected."""

import polars as pl
import pytest

from reccl.data.ingest import steps
from reccl.data.ingest.funnel import Count, Funnel, describe
from reccl.data.ingest.steps import filter_k_core, filter_ratings
from reccl.errors import DataError

RATINGS = pl.LazyFrame({"user": [1, 1, 2, 3], "item": [1, 2, 1, 2], "rating": [5, 4, 4, 1]})


def test_every_step_is_counted_in_order() -> None:
    funnel = Funnel.read(RATINGS).then("rating >= 4", filter_ratings(4)).then("2 an item", filter_k_core(0, 2))
    table, counts = funnel.collect()
    assert counts == (Count("read", 4), Count("rating >= 4", 3), Count("2 an item", 2))
    assert table.select("user", "item").rows() == [(1, 1), (2, 1)]
    assert describe(counts) == "4 read -> 3 rating >= 4 -> 2 2 an item"


def test_adding_a_step_leaves_the_funnel_before_it_alone() -> None:
    funnel = Funnel.read(RATINGS)
    funnel.then("none", lambda frame: frame.filter(pl.lit(False)))
    assert funnel.collect()[0].height == 4


def test_nothing_runs_before_collect() -> None:
    text = RATINGS.with_columns(pl.lit("bad").alias("rating"))
    funnel = Funnel.read(text).then("rating >= 4", filter_ratings(4))
    with pytest.raises(DataError, match=r"'bad'"):
        funnel.collect()


def test_the_core_is_computed_once_however_many_steps_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    numbered = []
    real = steps._encode
    monkeypatch.setattr(steps, "_encode", lambda ids: (numbered.append(ids.name), real(ids))[1])
    funnel = Funnel.read(RATINGS).then("core", filter_k_core(1, 1))
    for n in range(3):
        funnel = funnel.then(f"more {n}", lambda frame: frame.filter(pl.col("rating") > 1))
    assert [count.rows for count in funnel.collect()[1]] == [4, 4, 3, 3, 3]
    assert sorted(numbered) == ["item", "user"]
