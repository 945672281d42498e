"""Write: a stream of tables to one file, in the format that its ending says."""

import gzip
from collections.abc import Callable, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from io import BytesIO
from pathlib import Path
from typing import IO, Any, Literal

import polars as pl
import pyarrow as pa
import pyarrow.parquet as pq

from reccl.errors import ConfigError, join_names
from reccl.recommend.target import is_special, is_stdout, open_target

Format = Literal["parquet", "csv", "tsv", "jsonl", "json", "arrow"]
ENDINGS: dict[str, Format] = {
    ".arrow": "arrow",
    ".csv": "csv",
    ".feather": "arrow",
    ".ipc": "arrow",
    ".json": "json",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".parquet": "parquet",
    ".tsv": "tsv",
}
TEXT = ("csv", "tsv", "jsonl", "json")
"""Formats that may be compressed as a whole: `lists.csv.gz`."""
GZIP = ".gz"
Append = Callable[[pl.DataFrame], None]


def choose_format(path: Path, form: Format | None = None) -> Format:
    """The format that is asked for, or that the ending of a file says; of a name without an ending, Parquet.

    Standard output, devices and pipes get CSV. Raises ConfigError for an ending that says nothing.

    >>> choose_format(Path("lists.csv.gz")), choose_format(Path("lists"))
    ('csv', 'parquet')
    """
    compressed = path.suffix.lower() == GZIP
    ending = Path(path.stem).suffix.lower() if compressed else path.suffix.lower()
    if form is None and (is_stdout(path) or is_special(path)):
        return ENDINGS.get(ending, "csv")
    found = form or ("parquet" if not ending and not compressed else ENDINGS.get(ending))
    known = f"{join_names(ENDINGS)}, and .gz behind those of text"
    if found is None:
        raise ConfigError(f"--out {path}: cannot tell the format by the ending; use {known}, or give --format")
    if compressed and found not in TEXT:
        raise ConfigError(f"--out {path}: {found} is compressed inside; leave {GZIP} out")
    return found


def write_tables(tables: Iterable[pl.DataFrame], path: Path, form: Format | None = None) -> int:
    """Write tables of one schema one after another; returns the number of rows.

    See `reccl.recommend.target` for what happens to an older file, and `choose_format` for the format. Raises
    RecclError where it cannot be written to.
    """
    chosen, rows = choose_format(path, form), 0
    with open_target(path) as target, compress(target, path) as file, WRITERS[chosen](file) as append:
        for table in tables:
            append(table)
            rows += table.height
    return rows


def compress(file: IO[bytes], path: Path) -> AbstractContextManager[Any]:
    """The file, through gzip where its name says so."""
    if path.suffix.lower() != GZIP:
        return nullcontext(file)
    return gzip.GzipFile("", "wb", fileobj=file, mtime=0)


@contextmanager
def write_arrow(file: IO[bytes], open_writer: Callable[[IO[bytes], Any], Any]) -> Iterator[Append]:
    """Write with a writer of pyarrow, which is opened by the first table."""
    writer: Any = None

    def append(table: pl.DataFrame) -> None:
        nonlocal writer
        arrow = table.to_arrow(compat_level=pl.CompatLevel.oldest())
        writer = writer or open_writer(file, arrow.schema)
        writer.write_table(arrow)

    try:
        yield append
    finally:
        if writer is not None:
            writer.close()


@contextmanager
def write_separated(file: IO[bytes], separator: str) -> Iterator[Append]:
    """Write lines of fields, with a header."""
    header = True

    def append(table: pl.DataFrame) -> None:
        nonlocal header
        table.write_csv(file, include_header=header, separator=separator)
        header = False

    yield append


@contextmanager
def write_json(file: IO[bytes]) -> Iterator[Append]:
    """Write one array of objects."""
    before = b"[\n"

    def append(table: pl.DataFrame) -> None:
        nonlocal before
        lines = BytesIO()
        table.write_ndjson(lines)
        if rows := lines.getvalue().splitlines():
            file.write(before + b",\n".join(rows))
            before = b",\n"

    yield append
    file.write(b"\n]\n" if before == b",\n" else b"[]\n")


WRITERS: dict[Format, Any] = {
    "arrow": lambda file: write_arrow(file, pa.ipc.new_file),
    "csv": lambda file: write_separated(file, ","),
    "json": write_json,
    "jsonl": lambda file: nullcontext(lambda table: table.write_ndjson(file)),
    "parquet": lambda file: write_arrow(
        file, lambda place, schema: pq.ParquetWriter(place, schema, compression="zstd")
    ),
    "tsv": lambda file: write_separated(file, "\t"),
}
