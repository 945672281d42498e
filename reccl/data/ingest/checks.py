"""Checks on a lazy table as it runs: they pass every row on, or raise an error that names a bad one."""

from collections.abc import Callable

import polars as pl

from reccl.errors import DataError, did_you_mean, join_names

Step = Callable[[pl.LazyFrame], pl.LazyFrame]
ROW = "__row"
"""The column of row numbers, from 1, for checks that name rows."""


def require_columns(*names: str) -> Step:
    """Refuse a table that lacks one of these columns; pass every row on."""

    def step(frame: pl.LazyFrame) -> pl.LazyFrame:
        present = frame.collect_schema().names()
        for name in names:
            if name not in present:
                there = f"the columns there are: {join_names(present)}"
                raise DataError(f"no column {name!r}{did_you_mean(name, present)}; {there}")
        return frame

    return step


def reject_rows(frame: pl.LazyFrame, bad: pl.Expr, error: Callable[[dict[str, object]], DataError]) -> pl.LazyFrame:
    """Pass the rows on, but raise the error for a bad one (batches run in parallel: not always the first)."""

    def check(batch: pl.DataFrame) -> pl.DataFrame:
        found = batch.filter(bad).head(1)
        if found.height:
            raise error(found.row(0, named=True))
        return batch

    return frame.map_batches(check, streamable=True)
