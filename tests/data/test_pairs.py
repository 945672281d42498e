"""Pairs: the same as tables of hashes give, from one number a pair."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.columns import ITEM, USER
from reccl.data.pairs import distinct_keys, distinct_pairs, drop_pairs, pair_keys
from reccl.data.user_items import UserItemCSR

USERS, ITEMS = 30, 20


def make_rows(seed: int, rows: int, *, ascending: bool = False) -> pl.DataFrame:
    random = np.random.default_rng(seed)
    sides = {USER: random.integers(0, USERS, rows), ITEM: random.integers(0, ITEMS, rows)}
    made = pl.DataFrame(sides, schema={USER: pl.Int32, ITEM: pl.Int32}).with_columns(rating=pl.lit(1.0))
    return made.unique([USER, ITEM]).sort(USER, ITEM) if ascending else made


@pytest.mark.parametrize("rows", [0, 1, 7, 300])
@pytest.mark.parametrize("ascending", [True, False])
class TestPairs:
    def test_that_are_distinct_stand_where_they_come_first(self, rows: int, ascending: bool) -> None:
        made = make_rows(1, rows, ascending=ascending)
        expected = made.select(USER, ITEM).unique(maintain_order=True)
        assert distinct_pairs(made, ITEMS).equals(expected)

    def test_that_are_known_are_dropped(self, rows: int, ascending: bool) -> None:
        made, known = make_rows(2, 50), make_rows(3, rows, ascending=ascending)
        expected = made.join(known, on=[USER, ITEM], how="anti", maintain_order="left")
        assert drop_pairs(made, known, ITEMS).equals(expected)
        assert drop_pairs(known, made, ITEMS).equals(
            known.join(made, on=[USER, ITEM], how="anti", maintain_order="left")
        )

    def test_become_the_items_of_every_user(self, rows: int, ascending: bool) -> None:
        made = make_rows(4, rows, ascending=ascending)
        found, pairs = UserItemCSR.from_interactions(made, USERS, ITEMS), made.select(USER, ITEM).unique()
        for user in range(USERS):
            own = found.item[found.start[user] : found.start[user + 1]].tolist()
            assert own == sorted(pairs.filter(pl.col(USER) == user)[ITEM].to_list())
        assert found.start.dtype == found.item.dtype == torch.int64


def test_keys_of_many_users_and_items_need_64_bits() -> None:
    rows = pl.DataFrame({USER: [2**31 - 1], ITEM: [2**30]}, schema={USER: pl.Int32, ITEM: pl.Int32})
    assert pair_keys(rows, 2**31 - 1).tolist() == [(2**31 - 1) ** 2 + 2**30]


def test_no_items_are_no_pairs() -> None:
    assert UserItemCSR.from_interactions(make_rows(0, 0), 3, 0).counts.tolist() == [0, 0, 0]
    assert distinct_keys(np.zeros(0, np.int64)).tolist() == []
