"""Cold items, cold users: a share of the items or users has no training rows."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import polars as pl
from pydantic import model_validator
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.splits.holdout import Fraction, HeldOut, Split, sample_rows
from reccl.lazy import np


class ColdStartSplit(Split):
    """Fields of both strict cold-start splits (the protocol of GAR, ALDI and ColdRec).

    A random share of the nodes of one side is cold: none of their rows is a training row; half of these nodes go to
    validation, half to test. The rows of the warm nodes are split at random into train, validation and test, so that
    both held-out parts have warm and cold rows.
    """

    of_pairs: ClassVar[bool] = True
    cold: Fraction = 0.2
    """Share of the items (users) that are cold; half of them in validation, half in test."""
    warm_validation: Fraction = 0.1
    """Share of the warm rows that go to validation."""
    warm_test: Fraction = 0.1
    """Share of the warm rows that go to test."""

    @model_validator(mode="after")
    def _leave_some(self) -> Self:
        """Refuse shares that leave no warm row to train on."""
        if self.warm_validation + self.warm_test >= 1:
            raise ValueError("warm_validation + warm_test must be below 1: nothing is left to train on")
        return self

    def split_cold(self, frame: pl.DataFrame, side: str) -> HeldOut:
        """Split with the nodes of `side` ('user' or 'item') cold."""
        random = np.random.default_rng(self.seed)
        nodes = frame[side].unique().sort()
        shuffled = nodes.gather(random.permutation(len(nodes)))
        cold = shuffled.head(round(len(nodes) * self.cold))
        half = len(cold) // 2
        cold_validation, cold_test = frame[side].is_in(cold[:half].implode()), frame[side].is_in(cold[half:].implode())
        warm = ~(cold_validation | cold_test)
        held = np.zeros(frame.height, dtype=np.int8)  # 0 train, 1 validation, 2 test
        rows = np.flatnonzero(warm.to_numpy())
        test = sample_rows(frame.filter(warm), self.warm_test, random).to_numpy()
        share = self.warm_validation / (1 - self.warm_test)  # of the rows that remain
        validation = sample_rows(frame.filter(warm).filter(~pl.Series(test)), share, random).to_numpy()
        held[rows[test]] = 2
        held[rows[~test][validation]] = 1
        return HeldOut(pl.Series(held == 2) | cold_test, pl.Series(held == 1) | cold_validation)


class ColdItems(ColdStartSplit):
    """Strict item cold start: a share `cold` of the items has no training rows.

    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2, 2], "item": [0, 1, 1, 2, 0, 2]})
    >>> test, validation, *_ = ColdItems(cold=0.67, warm_test=0, warm_validation=0).split(rows)
    >>> rows.filter(test)["item"].unique().to_list(), rows.filter(validation)["item"].unique().to_list()
    ([1], [2])
    """

    kind: Literal["cold_items"] = "cold_items"
    reads: ClassVar[tuple[str, ...]] = (ITEM,)

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        return self.split_cold(rows, ITEM)


class ColdUsers(ColdStartSplit):
    """Strict user cold start: a share `cold` of the users has no training rows.

    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2, 2], "item": [0, 1, 1, 2, 0, 2]})
    >>> test, validation, *_ = ColdUsers(cold=0.67, warm_test=0, warm_validation=0).split(rows)
    >>> rows.filter(test)["user"].unique().to_list(), rows.filter(validation)["user"].unique().to_list()
    ([1], [2])
    """

    kind: Literal["cold_users"] = "cold_users"

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        return self.split_cold(rows, USER)
