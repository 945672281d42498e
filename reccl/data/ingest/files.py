"""Table files by format: CSV, TSV, Parquet, JSON and Arrow, also compressed, as one lazy table."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Literal

import polars as pl

from reccl.data.ingest.conversions import infer_types
from reccl.data.ingest.delimited import Dialect, scan_delimited
from reccl.data.ingest.json_files import scan_json
from reccl.data.ingest.transcode import COMPRESSED
from reccl.errors import DataError, did_you_mean, join_names

Format = Literal["auto", "csv", "tsv", "parquet", "jsonl", "json", "arrow"]
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}
TEXT = {"csv": ",", "tsv": "\t"}
"""Formats without types, and what separates their fields."""


def find_table_files(path: Path, kind: Format = "auto", leave_out: tuple[Path, ...] = ()) -> tuple[list[Path], str]:
    """The files that a path means (a file, or every table file right inside a folder), and their format."""
    if path.is_dir():
        entries = [entry for entry in sorted(path.iterdir()) if entry.is_file() and entry not in leave_out]
        files = [entry for entry in entries if kind != "auto" or tell_format(entry)]
        if not files:
            raise DataError(f"no table files in {path}; expected {join_names(SUFFIXES)}, or set format")
    elif path.is_file():
        files = [path]
    else:
        beside = list_table_files(path.parent)
        there = f"; the table files there are: {join_names(beside)}" if beside else ""
        raise DataError(f"no file or folder {path}{did_you_mean(path.name, beside)}{there}")
    if kind != "auto":
        return files, kind
    kinds = {tell_format(file) for file in files}
    found = kinds.pop()
    if kinds:
        raise DataError(
            f"{path} mixes formats: {join_names(file.name for file in files)}; name one file or one folder each"
        )
    if found is None:
        raise DataError(f"cannot tell the format of {files[0].name}; name it {join_names(SUFFIXES)}, or set format")
    return files, found


def tell_format(path: Path) -> str | None:
    """The format by the ending, or by the one before that of a compression; None where they tell none.

    >>> tell_format(Path("ratings.csv.gz")), tell_format(Path("readme.md"))
    ('csv', None)
    """
    endings = [ending.lower() for ending in path.suffixes]
    if endings and endings[-1] in COMPRESSED:
        endings.pop()
    return SUFFIXES.get(endings[-1]) if endings else None


def list_table_files(folder: Path) -> list[str]:
    """Names of the table files right inside a folder."""
    entries = folder.iterdir() if folder.is_dir() else []
    return [entry.name for entry in entries if tell_format(entry)]


def scan(files: list[Path], kind: str, dialect: Dialect | None = None, ids: tuple[str, ...] = ()) -> pl.LazyFrame:
    """One lazy table over the files; every column of a text format is text.

    A column that a file lacks is null there, but for the `ids`; where files have different types, the wider is taken.
    Raises DataError for files that cannot be read.
    """
    dialect = dialect or Dialect()
    if dialect.separator is None:
        dialect = replace(dialect, separator=TEXT.get(kind))
    scanners: dict[str, Callable[[Path], pl.LazyFrame]] = {
        "parquet": pl.scan_parquet,
        "json": scan_json,
        "jsonl": scan_json,
        "arrow": pl.scan_ipc,
    }
    scanner = scanners.get(kind) or (lambda file: scan_delimited(file, dialect))
    try:
        frames = [scanner(file) for file in files]
        require_ids(files, frames, ids)
        frame = pl.concat(frames, how="diagonal_relaxed") if len(frames) > 1 else frames[0]
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot read {files[0]} as {kind}: {reason}; check the file, or set format") from error
    return frame


def require_ids(files: list[Path], frames: list[pl.LazyFrame], ids: tuple[str, ...]) -> None:
    """Raise DataError where some files have a column of ids and another has not."""
    columns = [frame.collect_schema().names() for frame in frames]
    for name in ids:
        lacking = [file for file, present in zip(files, columns, strict=True) if name not in present]
        if lacking and len(lacking) < len(files):
            raise DataError(f"{lacking[0]} has no column {name!r}, which other files beside it have")


def read_table(files: list[Path], kind: str, ids: tuple[str, ...] = ()) -> pl.DataFrame:
    """The files as one table in memory, with types also where the format has none; but `ids` stay text there.

    Raises DataError where they cannot be read to the end.
    """
    try:
        table = scan(files, kind, ids=ids).collect(engine="streaming")
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot read {files[0]} as {kind}: {reason}; check the file") from error
    return infer_types(table, ids) if kind in TEXT else table
