"""Checks that ride along with a lazy table: they let every row through, or raise an error that names a bad one."""

from collections.abc import Callable

import polars as pl

from reccl.errors import DataError, did_you_mean, listed

Step = Callable[[pl.LazyFrame], pl.LazyFrame]
ROW = "__row"
"""Where a check that names rows finds their numbers, from 1."""


def require_columns(*names: str) -> Step:
    """Refuse a table that lacks one of these columns; let every row through."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        present = frame.collect_schema().names()
        for name in names:
            if name not in present:
                there = f"the columns there are: {listed(present)}"
                raise DataError(f"no column {name!r}{did_you_mean(name, present)}; {there}")
        return frame

    return step


def refusing(frame: pl.LazyFrame, bad: pl.Expr, error: Callable[[dict[str, object]], DataError]) -> pl.LazyFrame:
    """Let the rows through, but raise the error for one that is bad (batches run at once: not always the first)."""

    def look(batch: pl.DataFrame) -> pl.DataFrame:
        found = batch.filter(bad).head(1)
        if found.height:
            raise error(found.row(0, named=True))
        return batch

    return frame.map_batches(look, streamable=True)
