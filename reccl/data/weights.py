"""Weights: rows that count more or less, by what they are, how often they were repeated, and how long ago they were.

One rule holds everywhere: a row of weight w counts as w rows of weight 1 do.
"""

from __future__ import annotations

from typing import Any, Literal

import polars as pl

from reccl.data.columns import ITEM, RATING, TIMESTAMP, TRAIN, USER, WEIGHT
from reccl.errors import DataError
from reccl.lazy import np

DAY = 24 * 60 * 60
OLDEST = 40
"""Half-lives after which a row does not fade any further: it keeps a millionth of a millionth of its weight."""
Scale = Literal["linear", "log", "none", "sqrt"]


def weigh_parts(parts: dict[str, pl.DataFrame], half_life: float | None, *, repeats: bool) -> dict[str, pl.DataFrame]:
    """The rows of every part with their weights by age, those of repeated pairs summed."""
    if half_life is not None:
        newest = parts[TRAIN][TIMESTAMP].max() if TIMESTAMP in parts[TRAIN].columns else None
        parts = {part: fade_weights(rows, newest, half_life) for part, rows in parts.items()}
    for rows in parts.values():
        if WEIGHT in rows.columns:
            check_weights(rows)
    return {part: sum_repeats(rows) for part, rows in parts.items()} if repeats else parts


def check_weights(rows: pl.DataFrame) -> None:
    """Raise DataError for a weight that is missing, infinite or not above 0: what `table` finds by its row."""
    bad = rows.filter(~(pl.col(WEIGHT).is_finite() & (pl.col(WEIGHT) > 0)).fill_null(False))
    if bad.height:
        raise DataError(
            f"column {WEIGHT!r} holds {bad[WEIGHT][0]!r} ({bad.height:,} such rows); a weight is a number above 0"
        )


def fade_weights(rows: pl.DataFrame, newest: Any, half_life: float) -> pl.DataFrame:
    """The rows with their weights halved for every `half_life` days that they are older than `newest` (in seconds).

    >>> rows = pl.DataFrame({"user": [0, 0], "item": [1, 2], "timestamp": [0, DAY]})
    >>> fade_weights(rows, newest=DAY, half_life=1.0)["weight"].to_list()
    [0.5, 1.0]
    """
    if TIMESTAMP not in rows.columns or rows[TIMESTAMP].null_count():
        missing = "this data has none" if TIMESTAMP not in rows.columns else "some have none"
        raise DataError(f"half_life needs a time on every row, and {missing}: name their column, data.timestamp=COLUMN")
    if newest is None:
        return rows
    halves = ((newest - pl.col(TIMESTAMP)) / (half_life * DAY)).clip(-OLDEST, OLDEST)
    weight = pl.col(WEIGHT) if WEIGHT in rows.columns else pl.lit(1.0)
    return rows.with_columns((weight * 2.0 ** (-halves)).alias(WEIGHT))


def age_weights(rows: pl.DataFrame, before: Any, half_life: float) -> pl.DataFrame:
    """Rows whose weights were faded before one moment, `before`, as they are before the newest of their own times."""
    newest: Any = rows[TIMESTAMP].max()
    halves = (newest - before) / (half_life * DAY)
    return rows.with_columns(pl.col(WEIGHT) * 2.0 ** -min(halves, OLDEST))


def sum_repeats(rows: pl.DataFrame) -> pl.DataFrame:
    """One row a (user, item): the sum of the weights, the latest time, the last rating; in the order of the first rows.

    >>> rows = pl.DataFrame({"user": [0, 0, 0], "item": [1, 2, 1], "weight": [1.0, 2.0, 3.0]})
    >>> sum_repeats(rows).rows()
    [(0, 1, 4.0), (0, 2, 2.0)]
    """
    if not rows.select(USER, ITEM).is_duplicated().any():
        return rows
    how = {WEIGHT: pl.col(WEIGHT).sum(), TIMESTAMP: pl.col(TIMESTAMP).max(), RATING: pl.col(RATING).last()}
    summed = rows.group_by(USER, ITEM, maintain_order=True).agg(
        each for name, each in how.items() if name in rows.columns
    )
    return summed.select(rows.columns)


def scale_weights(rows: pl.DataFrame, scale: Scale) -> pl.DataFrame:
    """The rows with scaled weights; 1 stays 1. log: log2(1 + w), as a hundred plays are not a hundred times one."""
    weight = pl.col(WEIGHT)
    scaled = {"linear": weight, "log": (1 + weight).log(2), "none": weight * 0 + 1, "sqrt": weight.sqrt()}[scale].alias(
        WEIGHT
    )
    return rows.with_columns(scaled) if WEIGHT in rows.columns else rows


def describe_weights(rows: pl.DataFrame) -> str:
    """The weights of rows in a few words; empty where there are none.

    >>> describe_weights(pl.DataFrame({"weight": [1.0, 2.5]}))
    '; weights 1 to 2.5, mean 1.75'
    """
    if WEIGHT not in rows.columns or rows.is_empty():
        return ""
    least, most, mean = rows.select(
        pl.col(WEIGHT).min(), pl.max(WEIGHT).alias("most"), pl.mean(WEIGHT).alias("mean")
    ).row(0)
    return f"; weights {least:.3g} to {most:.3g}, mean {mean:.3g}"


def sum_by_item(rows: pl.DataFrame, items: int) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    """The weight of all rows of each of so many items, [I]; the number of rows where there are no weights."""
    weights = rows[WEIGHT].to_numpy() if WEIGHT in rows.columns else None
    return np.bincount(rows[ITEM].to_numpy(), weights, minlength=items).astype(np.float64)
