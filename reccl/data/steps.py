"""The steps that pipelines chain: each takes a lazy table and gives a lazy table, and refuses what it cannot mean.

Every function here that takes settings returns a step for `Funnel.then`:

>>> from reccl.data.funnel import Funnel
>>> ratings = pl.LazyFrame({"user": [1, 1, 2], "item": [7, 8, 7], "rating": [5.0, 2.0, 4.0]})
>>> table, counts = Funnel.read(ratings).then("rating >= 3", minimum_rating(3)).then("2-core", k_core(0, 2)).collect()
>>> table["user"].to_list(), describe(counts)
([1, 2], '3 read -> 2 rating >= 3 -> 2 2-core')

Nothing runs before `Funnel.collect`. Missing columns are noticed at once; bad values when the rows go by.
"""

from datetime import UTC, date, datetime
from typing import Literal

import numpy as np
import polars as pl

from reccl.data.checks import ROW, Step, refusing, require_columns
from reccl.data.columns import ITEM, RATING, TIMESTAMP, USER
from reccl.data.conversions import numbers
from reccl.data.funnel import Count, describe
from reccl.errors import DataError, listed

__all__ = [
    "Moment",
    "Step",
    "k_core",
    "minimum_rating",
    "require_columns",
    "require_rows",
    "time_window",
    "without_duplicates",
    "without_nulls",
]

Moment = int | str | date | datetime
"""A point in time: seconds since 1970, an ISO date or date-time (UTC unless it says otherwise)."""


def without_nulls(*names: str, policy: Literal["drop", "error"] = "drop") -> Step:
    """Drop the rows with a missing value in one of these columns, or name the first such row."""

    def refuse(row: dict[str, object]) -> DataError:
        empty = [name for name in names if row[name] is None]
        return DataError(f"row {row[ROW]} has no {listed(empty)}; fill it in, or set nulls: drop")

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(*names)(frame)
        if policy == "drop":
            return frame.drop_nulls(list(names))
        missing = pl.any_horizontal(pl.col(*names).is_null())
        return refusing(frame.with_row_index(ROW, offset=1), missing, refuse).drop(ROW)

    return step


def without_duplicates(keep: Literal["first", "last", "error"] = "last") -> Step:
    """One row a (user, item) pair: the first or last by timestamp (by row order without one, and in ties), or an error.

    The rows that stay keep their order, so equal input gives equal output.
    """
    pair = [USER, ITEM]

    def refuse(table: pl.DataFrame) -> pl.DataFrame:
        seen = table.select(pair).filter(table.select(pair).is_duplicated())
        if seen.height:
            user, item = seen.row(0)
            times = seen.filter((pl.col(USER) == user) & (pl.col(ITEM) == item)).height
            raise DataError(
                f"user {user!r} and item {item!r} meet {times} times ({seen.height:,} such rows in all); "
                "set duplicates: first or last to keep one"
            )
        return table

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(*pair)(frame)
        if keep == "error":
            return frame.map_batches(refuse).cache()
        if TIMESTAMP not in frame.collect_schema():
            return frame.unique(pair, keep=keep, maintain_order=True)
        by_time = frame.with_row_index(ROW).sort(TIMESTAMP, ROW, nulls_last=keep == "first")
        return by_time.unique(pair, keep=keep, maintain_order=True).sort(ROW).drop(ROW)

    return step


def minimum_rating(threshold: float) -> Step:
    """Keep the rows rated `threshold` or better. A missing rating is no positive and goes too."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        return numbers(RATING)(frame).filter(pl.col(RATING) >= threshold)

    return step


def seconds(moment: Moment) -> int:
    """Seconds since 1970.

    >>> seconds("1998-01-01"), seconds("1998-01-01T01:00+01:00"), seconds(883612800)
    (883612800, 883612800, 883612800)
    """
    if isinstance(moment, int):
        return moment
    try:
        parsed_moment = datetime.fromisoformat(str(moment))
    except ValueError:
        raise DataError(
            f"{moment!r} is no point in time; write an ISO date (1998-01-31), a date-time (1998-01-31T12:00), "
            "or whole seconds since 1970 without quotes"
        ) from None
    aware = parsed_moment if parsed_moment.tzinfo else parsed_moment.replace(tzinfo=UTC)
    return int(aware.timestamp())


def time_window(since: Moment | None = None, until: Moment | None = None) -> Step:
    """Keep what happened at or after `since` and before `until` (the end itself is outside)."""
    start, end = (None if moment is None else seconds(moment) for moment in (since, until))
    if start is not None and end is not None and start >= end:
        raise DataError(f"the time window since {since} until {until} is empty; since must come before until")

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(TIMESTAMP)(frame)
        if start is not None:
            frame = frame.filter(pl.col(TIMESTAMP) >= start)
        return frame if end is None else frame.filter(pl.col(TIMESTAMP) < end)

    return step


def k_core(user: int = 0, item: int = 0) -> Step:
    """Keep users with at least `user` rows and items with at least `item` rows, among the rows kept.

    Dropping an item can push a user below the line and so on: repeated until nothing moves, so the result is the
    largest such table, whatever the order of dropping. Rows are counted, so drop duplicate pairs first; a row without
    user or item belongs to nobody and goes.
    """

    def inside(table: pl.DataFrame) -> pl.DataFrame:
        users, items = _codes(table[USER]), _codes(table[ITEM])
        rows = np.arange(table.height)
        while rows.size:
            keep = (np.bincount(users)[users] >= user) & (np.bincount(items)[items] >= item)
            if keep.all():
                break
            users, items, rows = users[keep], items[keep], rows[keep]
        return table if rows.size == table.height else table[rows]

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        return require_columns(USER, ITEM)(frame).drop_nulls([USER, ITEM]).map_batches(inside).cache()

    return step


def require_rows(counts: tuple[Count, ...]) -> None:
    """Refuse an empty table and name the step that emptied it; call it on the counts of `Funnel.collect`."""
    for count in counts:
        if not count.rows:
            raise DataError(f"step {count.step!r} left no rows ({describe(counts)}); loosen it, or check the raw files")


def _codes(ids: pl.Series) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    """Ids as small numbers; which number an id gets does not matter here."""
    if ids.dtype == pl.String:
        ids = ids.cast(pl.Categorical(pl.Categories.random())).to_physical()
    lowest, highest = (ids.min(), ids.max()) if ids.dtype.is_integer() else (None, None)
    if isinstance(lowest, int) and isinstance(highest, int) and highest < min(2**63, lowest + 4 * len(ids) + 1024):
        return (ids.cast(pl.Int64) - lowest).to_numpy()
    return ids.rank("dense").cast(pl.Int64).to_numpy()
