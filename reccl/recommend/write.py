"""Write: a stream of tables to one file, which appears whole or not at all."""

from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Literal

import polars as pl
import pyarrow.parquet as pq

from reccl.atomic import atomic_path
from reccl.errors import RecclError

Format = Literal["parquet", "csv", "jsonl"]


def write_tables(tables: Iterable[pl.DataFrame], path: Path, form: Format) -> int:
    """Write tables of one schema one after another; returns the number of rows.

    The file gets its name when it is complete: a crash leaves an older file of that name as it was. Raises RecclError
    where the folder cannot be written to.
    """
    rows = 0
    try:
        with atomic_path(path) as draft, open_writer(draft, form) as append:
            for table in tables:
                append(table)
                rows += table.height
    except OSError as error:
        raise RecclError(f"cannot write {path}: {error.strerror or error}; choose another --out") from None
    return rows


@contextmanager
def open_writer(path: Path, form: Format) -> Iterator[Callable[[pl.DataFrame], None]]:
    """A function that appends a table to the file."""
    with path.open("wb") as file:
        if form == "parquet":
            parquet: pq.ParquetWriter | None = None
            try:

                def append(table: pl.DataFrame) -> None:
                    nonlocal parquet
                    arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
                    parquet = parquet or pq.ParquetWriter(file, arrow.schema, compression="zstd")
                    parquet.write_table(arrow)

                yield append
            finally:
                if parquet is not None:
                    parquet.close()
        else:
            header = True

            def append(table: pl.DataFrame) -> None:
                nonlocal header
                if form == "csv":
                    table.write_csv(file, include_header=header)
                else:
                    table.write_ndjson(file)
                header = False

            yield append
