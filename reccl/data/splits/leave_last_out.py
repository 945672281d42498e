"""Leave last out: each user's latest interactions are held out."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import ITEM, TEST, TIMESTAMP, USER, VALIDATION
from reccl.data.splits.holdout import HeldOut, Split, apply_by_user, split_in_turn
from reccl.data.splits.temporal import require_timestamps
from reccl.lazy import np

DRAW = "__draw"
MANY_TIES = 0.05
"""Share of users from which on it is said that ties decide."""


class LeaveLastOut(Split):
    """Hold out each user's last `test` rows by time, and the `validation` rows before them.

    Rows at the same time are in the order that `ties` says. Every user keeps at least one training row: a user with too
    few rows has fewer held-out rows, or none.

    >>> rows = pl.DataFrame({"user": [0, 0, 0, 1], "item": [4, 5, 6, 4], "timestamp": [30, 10, 20, 99]})
    >>> test, validation, *_ = LeaveLastOut().split(rows)
    >>> test.to_list(), validation.to_list()
    ([True, False, False, False], [False, False, True, False])
    """

    kind: Literal["leave_last_out"] = "leave_last_out"
    reads: ClassVar[tuple[str, ...]] = (ITEM, TIMESTAMP)
    test: Annotated[int, Field(ge=1)] = 1
    """How many of each user's last rows go to test."""
    validation: Annotated[int, Field(ge=0)] = 1
    """How many of each user's rows before those go to validation."""
    ties: Literal["item", "random"] = "item"
    """Which of a user's rows at one time is the last: that of the largest item id, or one drawn by `seed`. Ids often
    follow age or popularity, which `random` does not favor."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        require_timestamps(rows, self.kind)
        tie = pl.col(ITEM)
        if self.ties == "random":
            draw = np.random.default_rng(self.seed).permutation(rows.height)
            rows, tie = rows.with_columns(pl.Series(DRAW, draw)), pl.col(DRAW)
        return split_in_turn(
            rows,
            test=lambda frame, _: mark_last_of_each_user(frame, self.test, tie),
            validation=lambda frame, _: mark_last_of_each_user(frame, self.validation, tie),
            seed=self.seed,
        )

    @override
    def remark(self, rows: pl.DataFrame, held: HeldOut) -> tuple[str, ...]:
        parts = rows.select(USER, TIMESTAMP, part=pl.when(held.test).then(2).when(held.validation).then(1).otherwise(0))
        torn = parts.group_by(USER, TIMESTAMP).agg(tied=pl.col("part").n_unique() > 1).filter("tied")[USER].n_unique()
        share = torn / max(1, rows[USER].n_unique())
        if share < MANY_TIES:
            return ()
        return (
            f"split 'leave_last_out': for {share:.0%} of the users rows of one time lie in more than one of train, "
            f"{VALIDATION} and {TEST}, and split.ties={self.ties} decides which is last",
        )


def mark_last_of_each_user(frame: pl.DataFrame, count: int, tie: pl.Expr) -> pl.Series:
    """True for each user's last `count` rows by time and, at one time, by `tie`; always leaving the first."""
    order = pl.struct(TIMESTAMP, tie).rank("ordinal").over(USER)
    last = (order + count > pl.len().over(USER)) & (order > 1)
    return apply_by_user(frame, lambda some: some.select(last).to_series())
