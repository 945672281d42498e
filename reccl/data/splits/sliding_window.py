"""Sliding window: one of several test windows in time, each after a training period of its own."""

from __future__ import annotations

from typing import Annotated, ClassVar, Literal, Self

import polars as pl
from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.columns import TIMESTAMP
from reccl.data.splits.global_timeline import Days
from reccl.data.splits.holdout import HeldOut, Split
from reccl.data.splits.temporal import require_timestamps
from reccl.data.weights import DAY


class SlidingWindow(Split):
    """The last `windows` times `days` of the data are cut into windows; number `window` is test, the one before it is
    validation, and what comes before that is train. Later rows are in no part.

    One split is one window: `--set data.split.window=1`, then 2, 3, ..., tell how a method does from week to week, and
    whether it was the best in every one. (Sliding-window evaluation: Ludewig and Jannach, UMUAI 2018,
    https://doi.org/10.1007/s11257-018-9209-6.)

    >>> rows = pl.DataFrame({"user": [0] * 4, "item": range(4), "timestamp": [0, DAY, 2 * DAY, 3 * DAY]})
    >>> held = SlidingWindow(windows=2, window=1, days=1).split(rows)
    >>> held.test.to_list(), held.validation.to_list(), held.unused.to_list()
    ([False, False, True, False], [False, True, False, False], [False, False, False, True])
    """

    kind: Literal["sliding_window"] = "sliding_window"
    reads: ClassVar[tuple[str, ...]] = (TIMESTAMP,)
    windows: Annotated[int, Field(ge=1, le=1000)] = 4
    """How many test windows there are."""
    window: Annotated[int, Field(ge=1)] = 4
    """Which of them is test: 1 is the earliest, `windows` the latest."""
    days: Days = 7.0
    """Length of a window in days."""
    train_days: Days | None = None
    """Days of training rows before the validation window; empty: all."""

    @model_validator(mode="after")
    def _exists(self) -> Self:
        """Refuse a window that there is not."""
        if self.window > self.windows:
            raise ValueError(f"window {self.window} of {self.windows}: choose 1 to {self.windows}")
        return self

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        require_timestamps(rows, self.kind)
        moment, length = rows[TIMESTAMP], self.days * DAY
        if moment.is_empty():
            return HeldOut(moment.is_null(), moment.is_null())
        end = float(moment.max()) + 1 - (self.windows - self.window) * length  # type: ignore[arg-type]
        test = (moment >= end - length) & (moment < end)
        validation = (moment >= end - 2 * length) & (moment < end - length)
        unused = moment >= end
        if self.train_days is not None:
            unused = unused | (moment < end - 2 * length - self.train_days * DAY)
        return HeldOut(test, validation, unused=unused)
