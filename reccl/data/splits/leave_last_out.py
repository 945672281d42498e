"""Leave last out: each user's latest interactions are held out."""

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import ITEM, TIMESTAMP, USER
from reccl.data.splits.holdout import HeldOut, Split, apply_by_user, split_in_turn
from reccl.data.splits.temporal import require_timestamps


class LeaveLastOut(Split):
    """Hold out each user's last `test` rows by time, and the `validation` rows before them.

    Rows at the same time are ordered by item id. Every user keeps at least one training row: a user with too few rows
    has fewer held-out rows, or none.

    >>> rows = pl.DataFrame({"user": [0, 0, 0, 1], "item": [4, 5, 6, 4], "timestamp": [30, 10, 20, 99]})
    >>> test, validation = LeaveLastOut().split(rows)
    >>> test.to_list(), validation.to_list()
    ([True, False, False, False], [False, False, True, False])
    """

    kind: Literal["leave_last_out"] = "leave_last_out"
    reads: ClassVar[tuple[str, ...]] = (ITEM, TIMESTAMP)
    test: Annotated[int, Field(ge=1)] = 1
    """How many of each user's last rows go to test."""
    validation: Annotated[int, Field(ge=0)] = 1
    """How many of each user's rows before those go to validation."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        require_timestamps(rows, self.kind)
        return split_in_turn(
            rows,
            test=lambda frame, _: mark_last_of_each_user(frame, self.test),
            validation=lambda frame, _: mark_last_of_each_user(frame, self.validation),
            seed=self.seed,
        )


def mark_last_of_each_user(frame: pl.DataFrame, count: int) -> pl.Series:
    """True for each user's last `count` rows, always leaving the first."""
    order = pl.struct(TIMESTAMP, ITEM).rank("ordinal").over(USER)
    last = (order + count > pl.len().over(USER)) & (order > 1)
    return apply_by_user(frame, lambda some: some.select(last).to_series())
