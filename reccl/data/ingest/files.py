"""Table files by format: CSV, TSV, Parquet, JSON and Arrow, also compressed, as one lazy table."""

from dataclasses import replace
from pathlib import Path

import polars as pl

from reccl.data.ingest.conversions import infer_types
from reccl.data.ingest.delimited import Dialect, is_empty, scan_delimited
from reccl.data.ingest.failures import READING, give_reason
from reccl.data.ingest.json_files import scan_json, scan_literals
from reccl.data.ingest.parquet_pages import check_pages
from reccl.data.ingest.table_files import TableFiles, label
from reccl.errors import DataError, join_names

TEXT = {"csv": ",", "tsv": "\t"}
"""Formats without types, and what separates their fields."""
NAMED = 3
"""How many files a note names."""


def scan(found: TableFiles, dialect: Dialect | None = None, ids: tuple[str, ...] = ()) -> pl.LazyFrame:
    """One lazy table over the files; every column of a text format is text. See `scan_files`."""
    return scan_files(found, dialect, ids)[0]


def scan_files(
    found: TableFiles, dialect: Dialect | None = None, ids: tuple[str, ...] = ()
) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """One lazy table over the files, and a line for each thing in which they differ.

    Columns are matched by name. One that a file lacks is null there, but for the `ids`; where files have different
    types, the wider is taken. Folders called `column=value` add a column; one that the file has itself wins. Raises
    DataError for files that cannot be read.
    """
    dialect = dialect or Dialect()
    if dialect.separator is None:
        dialect = replace(dialect, separator=TEXT.get(found.kind))
    paths, read = found.paths, found.paths[0]
    frames: dict[Path, pl.LazyFrame] = {}
    notes: list[str] = []
    try:
        if found.kind in TEXT and len(paths) > 1:
            paths = tuple(file for file in paths if not is_empty(file, dialect)) or paths[:1]
        for read in paths:
            rows, said = scan_file(read, found.kind, dialect)
            frames[read] = add_partitions(rows, found.partitions(read), found.kind in TEXT)
            notes += said
        require_ids(frames, ids)
        frame = pl.concat(frames.values(), how="diagonal_relaxed") if len(frames) > 1 else frames[read]
        frame.collect_schema()
        if len(found.paths) > 1:
            notes += compare_files(frames, [file for file in found.paths if file not in paths])
    except READING as error:
        raise explain(error, read, found.kind, ", or set format") from error
    return frame, tuple(notes)


def scan_file(file: Path, kind: str, dialect: Dialect) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """One file as a lazy table, and a line for each thing that was filled in."""
    match kind:
        case "parquet":
            check_pages(file)
            return pl.scan_parquet(file, glob=False, hive_partitioning=False), ()
        case "arrow":
            return pl.scan_ipc(file, glob=False, hive_partitioning=False), ()
        case "json" | "jsonl":
            return scan_json(file), ()
        case "python":
            return scan_literals(file), ()
        case _:
            return scan_delimited(file, dialect)


def add_partitions(frame: pl.LazyFrame, values: dict[str, str | None], as_text: bool) -> pl.LazyFrame:
    """The columns that the folders hold; whole numbers as such, unless all is text."""
    present = frame.collect_schema().names() if values else ()
    table = pl.DataFrame({name: [value] for name, value in values.items() if name not in present}, strict=False)
    table = table.with_columns(pl.col(pl.Null).cast(pl.String))
    for column in table if as_text else infer_types(table):
        frame = frame.with_columns(pl.lit(column.item(), dtype=column.dtype).alias(column.name))
    return frame


def require_ids(frames: dict[Path, pl.LazyFrame], ids: tuple[str, ...]) -> None:
    """Raise DataError where some files have a column of ids and another has not."""
    for name in ids:
        lacking = [file for file, frame in frames.items() if name not in frame.collect_schema()]
        if lacking and len(lacking) < len(frames):
            raise DataError(f"{lacking[0]} has no column {name!r}, which other files beside it have")


def compare_files(frames: dict[Path, pl.LazyFrame], empty: list[Path]) -> list[str]:
    """A line each: which files have no rows, and which columns some of them lack."""
    names = {file: set(frame.collect_schema().names()) for file, frame in frames.items()}
    rowless = [*empty, *(file for file, frame in frames.items() if frame.head(1).collect().is_empty())]
    notes = [f"{name_files(rowless)} of {len(frames) + len(empty)} files: no rows"] if rowless else []
    for column in dict.fromkeys(name for frame in frames.values() for name in frame.collect_schema().names()):
        lacking = [file for file, present in names.items() if column not in present]
        if lacking:
            have = [file for file in names if file not in lacking]
            where = f"only in {name_files(have)}" if len(have) <= len(lacking) else f"not in {name_files(lacking)}"
            notes.append(f"column {column!r} is {where} of {len(names)} files; missing elsewhere")
    return notes


def name_files(files: list[Path]) -> str:
    """Some of the files by name.

    >>> name_files([Path("a.csv"), Path("b.csv"), Path("c.csv"), Path("d.csv"), Path("e.csv")])
    'a.csv, b.csv, c.csv and 2 more'
    """
    more = f" and {len(files) - NAMED:,} more" * (len(files) > NAMED)
    return join_names(label(file) for file in files[:NAMED]) + more


def read_table(found: TableFiles, ids: tuple[str, ...] = ()) -> pl.DataFrame:
    """The files as one table in memory, with types also where the format has none; but `ids` stay text there.

    Raises DataError where they cannot be read to the end.
    """
    try:
        table = scan(found, ids=ids).collect(engine="streaming")
    except READING as error:
        raise explain(error, found.paths[0], found.kind) from error
    return infer_types(table, ids) if found.kind in TEXT else table


def explain(error: BaseException, file: Path, kind: str, advice: str = "") -> DataError:
    """The error for a file that cannot be read."""
    return DataError(f"cannot read {file} as {kind}: {give_reason(error)}; check the file{advice}")
