"""Table file: how a user's file is read, before anyone has said anything about it."""

import re
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reccl.data.ingest.delimited import Dialect
from reccl.data.ingest.files import TEXT, scan
from reccl.data.ingest.table_files import find_table_files, tell_format
from reccl.errors import DataError

SEPARATORS = (",", ";", "\t", "|")
SAMPLE = 200_000
"""First rows from which a column is judged."""
NUMBER = re.compile(r"^[-+]?\d+([.,]\d+)?$")


@dataclass(frozen=True)
class TableFile:
    """One file, or a folder of files of one format."""

    path: Path
    format: str  # csv, tsv, parquet, jsonl or arrow
    by_suffix: bool  # whether the name of the file says so
    separator: str | None  # where it is not the one that the format implies
    rows: pl.LazyFrame  # every column of a text format as text, so that 007 stays 007

    def sample(self) -> pl.DataFrame:
        """The first rows. Raises DataError where they cannot be read."""
        try:
            return self.rows.head(SAMPLE).collect()
        except (pl.exceptions.PolarsError, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(f"cannot read {self.path}: {reason}") from error


def open_table(path: Path) -> TableFile:
    """Find out the format and the separator. Raises DataError for a file that is no table with a header line."""
    known = path.is_dir() or tell_format(path) is not None or not path.is_file()
    found = find_table_files(path) if known else find_table_files(path, "csv")
    form = found.kind
    separator = None
    if form in TEXT:
        header = first_line(found.paths[0])
        separator = separator_of(header)
        refuse_headless(path, header, separator)
    implied = {"csv": ",", "tsv": "\t"}.get(form)
    separator = None if separator == implied else separator
    rows = scan(found, Dialect(separator))
    if len(rows.collect_schema()) < 2:
        (name,) = rows.collect_schema().names() or ["none"]
        raise DataError(f"{path} has one column only ({name}); a table of interactions has a user and an item column")
    return TableFile(path, form, known, separator, rows)


def first_line(file: Path) -> str:
    """The header of a text file. Raises DataError where there is none."""
    try:
        with file.open(encoding="utf-8-sig") as lines:
            line = lines.readline().rstrip("\r\n")
    except UnicodeDecodeError:
        raise DataError(f"{file} is not UTF-8 text; save it as UTF-8, or as Parquet") from None
    except OSError as error:
        raise DataError(f"cannot read {file}: {error.strerror}") from None
    if not line.strip():
        raise DataError(f"{file} is empty, or its first line is; it needs a header line with the names of the columns")
    return line


def separator_of(header: str) -> str:
    """The separator that parts the header into most fields; a comma where nothing does.

    >>> separator_of("user;item;price, net")
    ';'
    """
    return max(SEPARATORS, key=header.count)


def refuse_headless(path: Path, header: str, separator: str) -> None:
    """Raise DataError where the first line holds values instead of names."""
    if "::" in header:
        raise DataError(f"{path} is separated by '::'; replace it by a tab, and add a header line such as user\titem")
    fields = [field.strip().strip('"') for field in header.split(separator)]
    if any(NUMBER.match(field) for field in fields):
        example = separator.join(("user", "item", "rating", "timestamp")[: len(fields)])
        raise DataError(f"{path} has no header line: it begins with {header[:60]!r}; put one on top, such as {example}")
