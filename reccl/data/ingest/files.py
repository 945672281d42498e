"""Table files by format: CSV, TSV, Parquet, JSON lines and Arrow as one lazy table."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import polars as pl

from reccl.errors import DataError, did_you_mean, listed

Format = Literal["auto", "csv", "tsv", "parquet", "jsonl", "arrow"]
SUFFIXES = {
    ".csv": "csv",
    ".tsv": "tsv",
    ".parquet": "parquet",
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".arrow": "arrow",
    ".ipc": "arrow",
    ".feather": "arrow",
}
TEXT = ("csv", "tsv")
"""Formats that carry no types: a column is what it looks like."""


def find_table_files(path: Path, kind: Format = "auto", leave_out: tuple[Path, ...] = ()) -> tuple[list[Path], str]:
    """The files that a path means (a file, or every table file right inside a folder), and their format."""
    if path.is_dir():
        entries = [entry for entry in sorted(path.iterdir()) if entry.is_file() and entry not in leave_out]
        files = [entry for entry in entries if kind != "auto" or entry.suffix.lower() in SUFFIXES]
        if not files:
            raise DataError(f"no table files in {path}; expected {listed(SUFFIXES)}, or set format")
    elif path.is_file():
        files = [path]
    else:
        beside = list_table_files(path.parent)
        there = f"; the table files there are: {listed(beside)}" if beside else ""
        raise DataError(f"no file or folder {path}{did_you_mean(path.name, beside)}{there}")
    if kind != "auto":
        return files, kind
    kinds = {SUFFIXES.get(file.suffix.lower()) for file in files}
    found = kinds.pop()
    if kinds:
        raise DataError(
            f"{path} mixes formats: {listed(file.name for file in files)}; name one file or one folder each"
        )
    if found is None:
        raise DataError(f"cannot tell the format of {files[0].name}; name it {listed(SUFFIXES)}, or set format")
    return files, found


def list_table_files(folder: Path) -> list[str]:
    """Names of the table files right inside a folder."""
    entries = folder.iterdir() if folder.is_dir() else []
    return [entry.name for entry in entries if entry.suffix.lower() in SUFFIXES]


def scan(files: list[Path], kind: str, separator: str | None = None, text: tuple[str, ...] = ()) -> pl.LazyFrame:
    """One lazy table over the files. The columns in `text` are read as strings where the format carries no types."""
    overrides = dict.fromkeys(text, pl.String)

    def delimited(source: list[Path]) -> pl.LazyFrame:
        between = separator or ("\t" if kind == "tsv" else ",")
        if len(between.encode()) != 1:
            raise DataError(f"separator {between!r} is not one plain character; replace it in the file, or use Parquet")
        return pl.scan_csv(source, separator=between, schema_overrides=overrides, infer_schema_length=10_000)

    scanners: dict[str, Callable[[Any], pl.LazyFrame]] = {
        "csv": delimited,
        "tsv": delimited,
        "parquet": pl.scan_parquet,
        "jsonl": pl.scan_ndjson,
        "arrow": pl.scan_ipc,
    }
    try:
        frame = scanners[kind](files)
        frame.collect_schema()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot read {files[0]} as {kind}: {reason}; check the file, or set format") from error
    return frame


def read_table(files: list[Path], kind: str, text: tuple[str, ...] = ()) -> pl.DataFrame:
    """The files as one table in memory; see `scan`. Raises DataError where they cannot be read to the end."""
    try:
        return scan(files, kind, text=text).collect()
    except (pl.exceptions.PolarsError, OSError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"cannot read {files[0]} as {kind}: {reason}; check the file") from error
