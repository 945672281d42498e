"""Steps that pipelines chain: from a lazy table to a lazy table, or an error for values that make no sense.

Every function here that takes settings returns a step for `Funnel.then`:

>>> from reccl.data.ingest.funnel import Funnel
>>> ratings = pl.LazyFrame({"user": [1, 1, 2], "item": [7, 8, 7], "rating": [5.0, 2.0, 4.0]})
>>> funnel = Funnel.read(ratings).then("rating >= 3", filter_ratings(3)).then("2-core", filter_k_core(0, 2))
>>> table, counts = funnel.collect()
>>> table["user"].to_list(), describe(counts)
([1, 2], '3 read -> 2 rating >= 3 -> 2 2-core')

Nothing runs before `Funnel.collect`. Missing columns are noticed at once; bad values when the rows go by.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Literal

import polars as pl

from reccl.data.columns import ITEM, RATING, TIMESTAMP, USER
from reccl.data.ingest.checks import ROW, Step, reject_rows, require_columns
from reccl.data.ingest.conversions import to_numbers
from reccl.data.ingest.funnel import Count, describe
from reccl.data.ingest.spill import count_rows, filter_rows
from reccl.errors import DataError, join_names, shorten
from reccl.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

__all__ = [
    "Moment",
    "Step",
    "drop_duplicates",
    "drop_nulls",
    "filter_k_core",
    "filter_ratings",
    "filter_times",
    "require_columns",
    "require_rows",
]

PAIRS = 2**22
"""Rows among which repeated pairs are sought at once."""
HASH = "__hash"

Moment = int | str | date | datetime
"""A point in time: seconds since 1970, an ISO date or date-time (UTC unless it has an offset)."""


def drop_nulls(*names: str, policy: Literal["drop", "error"] = "drop") -> Step:
    """Drop the rows with a missing value in one of these columns, or name the first such row."""

    def refuse(row: dict[str, object]) -> DataError:
        empty = [name for name in names if row[name] is None]
        return DataError(f"row {row[ROW]} has no {join_names(empty)}; fill it in, or set nulls: drop")

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(*names)(frame)
        if policy == "drop":
            return frame.drop_nulls(list(names))
        missing = pl.any_horizontal(pl.col(*names).is_null())
        return reject_rows(frame.with_row_index(ROW, offset=1), missing, refuse).drop(ROW)

    return step


def drop_duplicates(keep: Literal["first", "last", "error"] = "last") -> Step:
    """One row a (user, item) pair: the first or last by timestamp (by row order without one, and in ties), or an error.

    The rows that stay keep their order, so equal input gives equal output. Pairs are compared some at a time, by
    their hash, and only those that occur more than once are sorted.
    """
    pair = [USER, ITEM]

    def find_dropped(repeated: pl.DataFrame) -> pl.Series:
        order = [TIMESTAMP, ROW] if TIMESTAMP in repeated.columns else [ROW]
        by_time = repeated.sort(order, nulls_last=keep == "first")
        kept = by_time.unique(pair, keep="first" if keep == "first" else "last")
        return repeated.join(kept, on=ROW, how="anti").get_column(ROW)

    def decide(rows: pl.LazyFrame) -> NDArray[np.bool_]:
        keep_it = np.ones(count_rows(rows), dtype=bool)  # [n]
        found = [repeated for repeated in _find_repeated(rows, len(keep_it)) if repeated.height]
        if keep == "error" and found:
            user, item = found[0].select(pair).row(0)
            times = found[0].filter((pl.col(USER) == user) & (pl.col(ITEM) == item)).height
            raise DataError(
                f"user {shorten(user)} and item {shorten(item)} occur together {times} times "
                f"({sum(repeated.height for repeated in found):,} such rows in all); "
                "set duplicates: first or last to keep one, sum or count to weigh it"
            )
        for repeated in found:
            keep_it[find_dropped(repeated).to_numpy()] = False
        return keep_it

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(*pair)(frame)
        timed = TIMESTAMP in frame.collect_schema()
        return filter_rows(frame, [*pair, TIMESTAMP] if timed else pair, decide)

    return step


def _find_repeated(rows: pl.LazyFrame, number: int) -> Iterator[pl.DataFrame]:
    """The rows, with their numbers, whose pair occurs more than once; all rows of a pair in one table."""
    tables = 1 + number // PAIRS
    numbered = rows.with_row_index(ROW).with_columns((pl.col(USER).hash(1) ^ pl.col(ITEM).hash(2)).alias(HASH))
    for table in range(tables):
        some = numbered.filter(pl.col(HASH) % tables == table).collect(engine="streaming")
        hashes = np.sort(some[HASH].to_numpy())
        again = pl.Series(hashes[1:][hashes[1:] == hashes[:-1]])
        suspects = some.filter(pl.col(HASH).is_in(again.unique().implode())).drop(HASH)
        yield suspects.filter(suspects.select(USER, ITEM).is_duplicated())


def filter_ratings(minimum: float) -> Step:
    """Keep the rows rated `minimum` or better. A missing rating is no positive and goes too."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        return to_numbers(RATING)(frame).filter(pl.col(RATING) >= minimum)

    return step


def to_seconds(moment: Moment) -> int:
    """Seconds since 1970.

    >>> to_seconds("1998-01-01"), to_seconds("1998-01-01T01:00+01:00"), to_seconds(883612800)
    (883612800, 883612800, 883612800)
    """
    if isinstance(moment, int):
        return moment
    try:
        parsed_moment = datetime.fromisoformat(str(moment))
    except ValueError:
        raise DataError(
            f"{shorten(moment)} is no point in time; write an ISO date (1998-01-31), a date-time (1998-01-31T12:00), "
            "or whole seconds since 1970 without quotes"
        ) from None
    aware = parsed_moment if parsed_moment.tzinfo else parsed_moment.replace(tzinfo=UTC)
    return int(aware.timestamp())


def filter_times(since: Moment | None = None, until: Moment | None = None) -> Step:
    """Keep rows at or after `since` and before `until` (`until` itself is outside)."""
    start, end = (None if moment is None else to_seconds(moment) for moment in (since, until))
    if start is not None and end is not None and start >= end:
        raise DataError(f"the time window since {since} until {until} is empty; since must come before until")

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        frame = require_columns(TIMESTAMP)(frame)
        if start is not None:
            frame = frame.filter(pl.col(TIMESTAMP) >= start)
        return frame if end is None else frame.filter(pl.col(TIMESTAMP) < end)

    return step


def filter_k_core(user: int = 0, item: int = 0, *, repeats: bool = False) -> Step:
    """Keep users with at least `user` rows and items with at least `item` rows, among the rows kept.

    Dropping an item can push a user below the line and so on: repeated until nothing moves, so the result is the
    largest such table, whatever the order of dropping. Rows are counted, so drop duplicate pairs first, or say
    that there are `repeats`: then distinct pairs are. Rows without user or item go.
    """

    def decide(pairs: pl.LazyFrame) -> NDArray[np.bool_]:
        if repeats:
            distinct = pairs.unique([USER, ITEM], maintain_order=True).with_row_index(ROW).collect()
            inside = find_core(distinct.lazy())
            place = pairs.collect().join(distinct, on=[USER, ITEM], how="left", maintain_order="left")[ROW]
            return np.asarray(inside[place.to_numpy()])
        return find_core(pairs)

    def find_core(pairs: pl.LazyFrame) -> NDArray[np.bool_]:
        users, items = (_encode(pairs.select(side).collect(engine="streaming").to_series()) for side in (USER, ITEM))
        inside = np.ones(len(users), dtype=bool)  # [n]
        rows = np.arange(len(users), dtype=np.uint32)
        while rows.size:
            keep = (np.bincount(users)[users] >= user) & (np.bincount(items)[items] >= item)
            if keep.all():
                break
            inside[rows[~keep]] = False
            users, items, rows = users[keep], items[keep], rows[keep]
        return inside

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        return filter_rows(require_columns(USER, ITEM)(frame).drop_nulls([USER, ITEM]), [USER, ITEM], decide)

    return step


def require_rows(counts: tuple[Count, ...]) -> None:
    """Refuse an empty table and name the step that emptied it; call it on the counts of `Funnel.collect`."""
    for count in counts:
        if not count.rows:
            raise DataError(f"step {count.step!r} left no rows ({describe(counts)}); loosen it, or check the raw files")


def _encode(ids: pl.Series) -> NDArray[np.int32]:
    """Ids as small whole numbers, in no particular order."""
    if ids.dtype == pl.String:
        ids = ids.cast(pl.Categorical(pl.Categories.random())).to_physical()
    lowest, highest = (ids.min(), ids.max()) if ids.dtype.is_integer() else (None, None)
    if (
        isinstance(lowest, int)
        and isinstance(highest, int)
        and highest < 2**63
        and highest - lowest < min(2**31, 4 * len(ids) + 1024)
    ):
        return (ids.cast(pl.Int64) - lowest).cast(pl.Int32).to_numpy()
    return ids.rank("dense").cast(pl.Int32).to_numpy()
