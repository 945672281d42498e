"""Temporal: everything after a point in time is held out."""

from datetime import UTC, datetime
from typing import ClassVar, Literal

import numpy as np
import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import TIMESTAMP
from reccl.data.splits.holdout import Fraction, Held, Split
from reccl.errors import DataError


class Temporal(Split):
    """One cut in time for everybody: train before, validation between, test after; no future row is trained on."""

    kind: Literal["temporal"] = "temporal"
    reads: ClassVar[tuple[str, ...]] = (TIMESTAMP,)
    test: Fraction | datetime = Field(default=0.1, union_mode="left_to_right")
    """Share of the latest rows that is tested on, or the moment from which on (ISO date or date-time, UTC)."""
    validation: Fraction | datetime = Field(default=0.1, union_mode="left_to_right")
    """Share of the rows before those, again the latest, that is validated on; or the moment from which on."""

    @override
    def held(self, rows: pl.DataFrame) -> Held:
        require_timestamps(rows, self.kind)
        moment = rows[TIMESTAMP]
        test = moment >= cut(moment, self.test)
        validation = ~test & (moment >= cut(moment.filter(~test), self.validation))
        return Held(test, validation)


def cut(moments: pl.Series, held: float | datetime) -> float:
    """The first second that is held out. Rows of one instant stay together, so a share is met nearly."""
    if isinstance(held, datetime):
        return (held if held.tzinfo else held.replace(tzinfo=UTC)).timestamp()
    if held == 0 or moments.is_empty():
        return np.inf
    return float(moments.sort()[min(round(len(moments) * (1 - held)), len(moments) - 1)])


def require_timestamps(interactions: pl.DataFrame, kind: str) -> None:
    """Raise DataError unless every row has a time."""
    if TIMESTAMP not in interactions.columns:
        raise DataError(
            f"split {kind!r} needs a {TIMESTAMP!r} column, and this data has none: choose split.kind=random_per_user"
        )
    if missing := interactions[TIMESTAMP].null_count():
        raise DataError(f"split {kind!r} needs a time on every row, and {missing:,} rows have none")
