"""Spill: rows wait on disk while it is decided which of them stay, so that no table has to fit in memory."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

import polars as pl
from polars.io.plugins import register_io_source

from reccl.errors import DataError
from reccl.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

BATCH = 2**20
"""Rows passed on at a time."""
FULL = os.strerror(errno.ENOSPC)
Decide = Callable[[pl.LazyFrame], "NDArray[np.bool_]"]
"""From the columns that a decision needs, in their order, to True for every row that stays."""


def scratch_folder() -> TemporaryDirectory[str]:
    """A folder for spilled rows, in $TMPDIR; gone afterwards."""
    return TemporaryDirectory(prefix="reccl-")


def spill(frame: pl.LazyFrame, path: Path) -> pl.LazyFrame:
    """Run a lazy table into a Parquet file, a batch at a time; the file as a lazy table.

    Raises DataError where the file cannot be written, or one that the table reads is not there.
    """
    try:
        frame.sink_parquet(path, compression="lz4")
    except (OSError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        if not isinstance(error, OSError) and FULL not in reason:  # of a full disk Polars raises a ComputeError
            raise
        usable = path.parent.is_dir() and os.access(path.parent, os.W_OK)  # Polars shortens paths in what it says
        if isinstance(error, FileNotFoundError | PermissionError) and usable and str(path) not in reason:
            raise DataError(f"the data cannot be read: {reason}") from None
        raise DataError(
            f"rows could not wait in {path.parent}: {reason}; set TMPDIR to a folder you may write to, with room"
        ) from None
    return pl.scan_parquet(path)


def count_rows(frame: pl.LazyFrame) -> int:
    """Number of rows."""
    return int(frame.select(pl.len()).collect(engine="streaming").item())


def filter_rows(frame: pl.LazyFrame, columns: list[str], decide: Decide) -> pl.LazyFrame:
    """The rows that `decide` keeps, in their order, where whether a row stays depends on all the others.

    Nothing runs before the result does. Then every row goes to disk, `decide` sees `columns` alone, and the kept rows
    are passed on in batches: memory holds what `decide` takes and one byte a row.
    """

    def rows(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        """The first `n_rows` (None: all) of those that stay; of them those that `predicate` lets through."""
        with scratch_folder() as folder:
            spilled = spill(frame, Path(folder) / "rows.parquet")
            keep = decide(spilled.select(columns))  # [n]
            for start in range(0, len(keep), BATCH):
                kept = pl.Series(keep[start : start + BATCH])
                batch = spilled.slice(start, BATCH).select(with_columns or pl.all()).collect().filter(kept)
                if n_rows is not None:
                    batch = batch.head(n_rows)
                    n_rows -= batch.height
                yield batch if predicate is None else batch.filter(predicate)
                if n_rows == 0:
                    break

    return register_io_source(rows, schema=lambda: frame.collect_schema())
