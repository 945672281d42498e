"""Global timeline: one cut in time for all users, and a validation window that is as long as the test window."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import ITEM, TIMESTAMP, USER
from reccl.data.splits.holdout import Fraction, HeldOut, Split, apply_by_user
from reccl.data.splits.temporal import find_cut, require_timestamps
from reccl.data.weights import DAY

Days = Annotated[float, Field(gt=0, allow_inf_nan=False)]


class GlobalTimeline(Split):
    """Train before the validation window, validation in the window before test, both equally long in time.

    So that validation asks what test asks: with the same horizon, the same rule for what is to be predicted, and a
    model that has seen nothing of it. Gusak et al., Time to Split, RecSys 2025, https://arxiv.org/abs/2507.16289, show
    that leave-one-out ranks models otherwise than a global split, and compare validation parts by how well their
    metrics agree with those of test. `reccl audit` measures that agreement on your runs.

    Where we differ: targets are all rows of a window, or each user's first; their `last` gives a sequence model the
    user's earlier rows of the window, which no model here reads.

    >>> rows = pl.DataFrame({"user": [0, 0, 0, 1, 1], "item": [4, 5, 6, 4, 5], "timestamp": [10, 30, 34, 22, 39]})
    >>> test, validation, *_ = GlobalTimeline(test=0.6).split(rows)
    >>> test.to_list(), validation.to_list()
    ([False, True, True, False, True], [False, False, False, True, False])
    """

    kind: Literal["global_timeline"] = "global_timeline"
    reads: ClassVar[tuple[str, ...]] = (ITEM, TIMESTAMP)
    test: Fraction | datetime = Field(default=0.1, union_mode="left_to_right")
    """Share of the rows, the latest, that go to test; or from when on they do (an ISO date or date-time, UTC)."""
    days: Days | None = None
    """Length of both windows in days; then the test window is the last of them, whatever `test` says."""
    targets: Literal["all", "first"] = "all"
    """What is to be predicted: all rows of a window, or each user's first there (ties by item id); the user's other
    rows of a window are then in no part."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        require_timestamps(rows, self.kind)
        moment = rows[TIMESTAMP]
        if moment.is_empty():
            return HeldOut(moment.is_null(), moment.is_null())
        end = float(moment.max()) + 1  # type: ignore[arg-type]
        cut = find_cut(moment, self.test) if self.days is None else end - self.days * DAY
        start = cut - max(0.0, end - cut)
        test, validation = moment >= cut, (moment >= start) & (moment < cut)
        if self.targets == "all":
            return HeldOut(test, validation)
        first_test, first_validation = (mark_first_of_each_user(rows, window) for window in (test, validation))
        return HeldOut(first_test, first_validation, unused=test | validation)


def mark_first_of_each_user(rows: pl.DataFrame, window: pl.Series) -> pl.Series:
    """True for each user's first row among those of a window, ties by item id."""
    order = pl.struct("outside", TIMESTAMP, ITEM).rank("ordinal").over(USER)
    marked = rows.select(USER, ITEM, TIMESTAMP, outside=~window)
    return apply_by_user(marked, lambda some: some.select((order == 1) & ~pl.col("outside")).to_series())
