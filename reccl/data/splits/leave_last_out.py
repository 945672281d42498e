"""Leave last out: each user's latest interactions are held out."""

from typing import Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import ITEM, TIMESTAMP, USER
from reccl.data.splits.holdout import Held, Split, hold_out, user_by_user
from reccl.data.splits.temporal import require_timestamps


class LeaveLastOut(Split):
    """Hold out each user's last `test` rows by time, and the `validation` rows before them.

    Rows of one instant are ordered by item id. A user keeps at least one training row: one with too few rows
    gives fewer (or no) held-out rows.
    """

    kind: Literal["leave_last_out"] = "leave_last_out"
    reads: ClassVar[tuple[str, ...]] = (ITEM, TIMESTAMP)
    test: Annotated[int, Field(ge=1)] = 1
    """Rows of each user that are tested on."""
    validation: Annotated[int, Field(ge=0)] = 1
    """Rows of each user, before those, that are validated on."""

    @override
    def held(self, rows: pl.DataFrame) -> Held:
        require_timestamps(rows, self.kind)
        return hold_out(
            rows,
            test=lambda frame, _: last_of_each_user(frame, self.test),
            validation=lambda frame, _: last_of_each_user(frame, self.validation),
            seed=self.seed,
        )


def last_of_each_user(frame: pl.DataFrame, count: int) -> pl.Series:
    """True for each user's last `count` rows, always leaving the first."""
    order = pl.struct(TIMESTAMP, ITEM).rank("ordinal").over(USER)
    last = (order + count > pl.len().over(USER)) & (order > 1)
    return user_by_user(frame, lambda some: some.select(last).to_series())
