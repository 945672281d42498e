"""Temporal: everything from a point in time on is held out."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import TEST, TIMESTAMP, VALIDATION
from reccl.data.splits.holdout import Fraction, HeldOut, Split
from reccl.errors import DataError
from reccl.lazy import np

FAR = 1.5
"""How many times the share that was asked is worth a remark."""


class Temporal(Split):
    """One cut in time for all users: train before it, then validation, then test; no training row is from the future.

    Rows of one time stay together, so the held-out shares are met only nearly.

    >>> rows = pl.DataFrame({"user": [0, 0, 0, 1], "item": [4, 5, 6, 4], "timestamp": [30, 10, 20, 40]})
    >>> test, validation, *_ = Temporal(test=0.25, validation=0.3).split(rows)
    >>> test.to_list(), validation.to_list()
    ([False, False, False, True], [True, False, False, False])
    >>> Temporal(test="1970-01-01T00:00:25").split(rows).test.to_list()
    [True, False, False, True]
    """

    kind: Literal["temporal"] = "temporal"
    reads: ClassVar[tuple[str, ...]] = (TIMESTAMP,)
    test: Fraction | datetime = Field(default=0.1, union_mode="left_to_right")
    """Share of the rows, the latest, that go to test; or from when on they do (an ISO date or date-time, UTC)."""
    validation: Fraction | datetime = Field(default=0.1, union_mode="left_to_right")
    """Share of the rows before those, again the latest, that go to validation; or from when on they do."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        require_timestamps(rows, self.kind)
        moment = rows[TIMESTAMP]
        test = moment >= find_cut(moment, self.test)
        validation = ~test & (moment >= find_cut(moment.filter(~test), self.validation))
        return HeldOut(test, validation)

    @override
    def remark(self, rows: pl.DataFrame, held: HeldOut) -> tuple[str, ...]:
        rest, notes = len(held.test), []
        for part, mask, asked in ((TEST, held.test, self.test), (VALIDATION, held.validation, self.validation)):
            number = int((mask & ~held.test if part == VALIDATION else mask).sum())
            if not isinstance(asked, datetime) and number > FAR * max(1, asked * rest):
                notes.append(
                    f"split 'temporal': {part} has {number / rest:.0%} of the rows where {asked:.0%} was asked, "
                    "because rows of one time stay together"
                )
            rest -= number
        return tuple(notes)


def find_cut(moments: pl.Series, held: float | datetime) -> float:
    """The first second that is held out. Rows at the same time stay together, so a share is met only nearly."""
    if isinstance(held, datetime):
        return (held if held.tzinfo else held.replace(tzinfo=UTC)).timestamp()
    if held == 0 or moments.is_empty():
        return np.inf
    return float(moments.sort()[min(round(len(moments) * (1 - held)), len(moments) - 1)])


def require_timestamps(interactions: pl.DataFrame, kind: str) -> None:
    """Raise DataError unless every row has a time."""
    if TIMESTAMP not in interactions.columns:
        raise DataError(
            f"split {kind!r} needs times, and this data has none: name their column, data.timestamp=COLUMN, or choose "
            "split.kind=random_per_user"
        )
    if missing := interactions[TIMESTAMP].null_count():
        raise DataError(f"split {kind!r} needs a time on every row, and {missing:,} rows have none")
