"""Delimited text: CSV, TSV and their relatives as tables of strings, without losing a row.

What quotation marks mean is decided by all lines of a file. Where every line with one has whole quoted fields, those
are quoted. Else, where every line has the right number of fields if the marks are text (a film called 7" Single), they
are text. Else quoted fields go on over several lines, and are read by Python's csv, line by line.
"""

import csv
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, NamedTuple

import polars as pl
from polars.io.plugins import register_io_source

from reccl.data.ingest.checks import reject_rows
from reccl.data.ingest.transcode import to_utf8
from reccl.errors import DataError

MISSING = ("", "NULL", "null", "NaN", "nan", "None", "NA", "N/A", "n/a", "<NA>", "\\N")
"""What is written for a missing value."""
BATCH = 2**16
"""Rows that are passed on at once where Python reads them."""
LINE, NUMBER, FIELDS = "__line", "__number", "__fields"


@dataclass(frozen=True)
class Dialect:
    """How fields are written into lines."""

    separator: str | None = None
    """Between fields (None: a comma); where it has more than one character, quotation marks are text."""
    encoding: str = "utf-8"
    """UTF-16 is also told by the mark that it begins with."""
    comment: str | None = None
    """How lines begin that are no rows."""
    ragged: Literal["error", "fill"] = "error"
    """Lines with another number of fields: an error, or filled with missing values, and cut."""
    header: bool = True
    """Whether the first line holds names."""
    columns: tuple[str, ...] | None = None
    """Names in place of the header's. Without both, columns are called 1, 2, 3."""


class Survey(NamedTuple):
    """What all lines of a file tell."""

    quoting: Literal["none", "lines", "rows"]
    """Quotation marks are text, or around fields that each end in their line, or around such that need not."""
    fits: bool
    """Whether every line has the right number of fields if quotation marks are text."""
    spaced: bool
    """Whether fields may have spaces around them."""
    blank: bool
    """Whether there are blank lines, which polars takes for rows."""


def scan_delimited(file: Path, dialect: Dialect) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """A text file as a table of strings without outer spaces, null where missing; and what was filled, as lines.

    Raises DataError that names file and line for what does not fit.
    """
    separator = dialect.separator or ","
    source, lines = scan_lines(file, dialect)
    blank = is_blank(separator)
    try:
        first = lines.filter(pl.col(LINE).str.strip_chars() != "").head(1).collect()
        if first.is_empty():
            raise DataError(f"{file} is empty; it needs a header line with the names of the columns")
        start, line = first.row(0)
        if "\r" in line:
            raise DataError(f"{file}: lines end in a carriage return alone; let them end in a line feed")
        names = name_columns(file, line, separator, dialect)
        start = start if dialect.header else start - 1  # lines before the first row
        lines = lines.filter(pl.col(NUMBER) > start)
        quoted_header = dialect.header and line.lstrip().startswith('"')
        survey = survey_lines(lines, separator, len(names), quoted_header)
    except pl.exceptions.ComputeError as error:
        if "utf" not in str(error):
            raise
        advice = "set encoding to the one it has, such as latin-1 or cp1252"
        raise DataError(f"{file} is not {dialect.encoding} text; {advice}") from None
    notes: tuple[str, ...] = ()
    if dialect.ragged == "fill" and (
        misfits := count_misfits(file, lines.filter(~blank), separator, len(names), survey)
    ):
        notes = (f"{file}: {misfits:,} rows have more or fewer than {len(names)} fields: filled, or cut",)
    if survey.quoting == "rows" or (survey.quoting == "lines" and survey.blank):
        table = read_rows(file, lines, separator, names, dialect.ragged)
    elif survey.quoting == "none" and (len(separator) > 1 or not survey.fits or survey.blank):
        table = split_lines(file, lines.filter(~blank), separator, names, dialect.ragged)
    else:
        if survey.quoting == "lines" and dialect.ragged == "error":
            require_width(file, lines, separator, len(names))
        table = pl.scan_csv(
            source,
            glob=False,
            separator=separator,
            quote_char='"' if survey.quoting == "lines" else None,
            comment_prefix=dialect.comment,
            has_header=False,
            skip_lines=start,
            schema=dict.fromkeys(names, pl.String),
            null_values=list(MISSING),
            truncate_ragged_lines=True,
            extra_columns="ignore",
            missing_columns="insert",
        )
        if not survey.spaced:
            return table, notes
    text = pl.all().str.strip_chars()
    return table.with_columns(pl.when(~text.is_in(MISSING)).then(text)), notes


def scan_lines(file: Path, dialect: Dialect) -> tuple[Path, pl.LazyFrame]:
    """The file in UTF-8, and its lines with their numbers, without comments."""
    source = to_utf8(file, dialect.encoding)
    lines = pl.scan_lines(source, glob=False, name=LINE, row_index_name=NUMBER, row_index_offset=1)
    lines = lines.with_columns(pl.col(LINE).str.strip_prefix("\ufeff").str.strip_suffix("\r"))
    if dialect.comment is not None:
        lines = lines.filter(~pl.col(LINE).str.starts_with(dialect.comment))
    return source, lines


def is_empty(file: Path, dialect: Dialect) -> bool:
    """Whether a file has nothing but blank lines and comments."""
    _, lines = scan_lines(file, dialect)
    return lines.filter(pl.col(LINE).str.strip_chars() != "").head(1).collect().is_empty()


def hint_at_header(names: Iterable[str]) -> str:
    """What to set where the first line may be a row: numbers are seldom names of columns.

    >>> hint_at_header(["1", "1193", "5"]), hint_at_header(["user", "item"])
    ('; if the first line is a row, set header: false', '')
    """
    numbers = any(re.fullmatch(r"[-+.,\d]*\d", name) for name in names)
    return "; if the first line is a row, set header: false" if numbers else ""


def name_columns(file: Path, line: str, separator: str, dialect: Dialect) -> list[str]:
    """The names of the columns, by the first line. Raises DataError where two have one name, or one goes on below."""
    try:
        strict = csv.reader([line], delimiter=separator, strict=dialect.header) if len(separator) == 1 else None
        fields = line.split(separator) if strict is None else next(strict)
    except csv.Error:
        raise DataError(f"{file}: a quotation mark in the header does not end in its line; mend that line") from None
    if dialect.columns is not None:
        names = list(dialect.columns)
        if len(names) != len(fields):
            raise DataError(f"columns names {len(names)}, and the first line of {file} has {len(fields)} fields")
    elif dialect.header:
        names = [field.strip() or str(place) for place, field in enumerate(fields, 1)]
    else:
        names = [str(place) for place in range(1, len(fields) + 1)]
    for name in names:
        if names.count(name) > 1:
            raise DataError(
                f"{file} has {names.count(name)} columns named {name!r}; rename them, or set columns: [...]"
                f"{hint_at_header(names)}"
            )
    return names


def is_blank(separator: str) -> pl.Expr:
    """Whether a line is no row; one of tabs alone is, where tabs separate fields."""
    line = pl.col(LINE)
    return (line.str.strip_chars() == "") & ~line.str.contains(separator, literal=True)


def survey_lines(lines: pl.LazyFrame, separator: str, width: int, quoted_header: bool) -> Survey:
    """What all lines tell.

    A file whose header is quoted quotes; so does one with a whole quoted field, but for TSV, which seldom does.
    """
    between, line = "".join(f"\\x{{{ord(character):x}}}" for character in separator), pl.col(LINE)
    field = rf'(?:[^"{between}]*|"(?:[^"]|"")*")'
    marked = line.str.contains('"', literal=True)
    whole = line.str.contains(f"^{field}(?:{between}{field})*$")
    fits = line.str.count_matches(separator, literal=True) == width - 1
    spaced = line.str.contains_any([space for space in " \t" if space != separator])
    blank = is_blank(separator)
    tell = (marked.any(), (fits | blank).all().alias("fits"), spaced.any().alias("spaced"), blank.any().alias("blank"))
    has_marks, all_fit, has_spaces, has_blanks = lines.select(tell).collect(engine="streaming").row(0)
    if not has_marks or len(separator) > 1:
        return Survey("none", all_fit, has_spaces, has_blanks)
    found = lines.filter(marked).select(whole.all(), quoted=whole.any()).collect(engine="streaming")
    all_whole, quoted = found.row(0)
    if all_whole:
        return Survey("lines", all_fit, True, has_blanks)
    quotes = quoted_header or (quoted and separator != "\t")
    return Survey("none" if all_fit and not quotes else "rows", all_fit, True, has_blanks)


def refuse_line(file: Path, number: int, fields: int, width: int) -> DataError:
    """The error for a line with the wrong number of fields."""
    advice = "set separator, header or comment" if width == 1 else "mend it, or set ragged: fill"
    return DataError(f"{file}, line {number} has {fields} field{'s' * (fields != 1)}, not {width}; {advice}")


def split_lines(file: Path, lines: pl.LazyFrame, separator: str, names: list[str], ragged: str) -> pl.LazyFrame:
    """Fields between separators, whatever they hold."""
    rows = lines.select(NUMBER, pl.col(LINE).str.split(separator).alias(FIELDS))
    if ragged == "error":
        wrong = pl.col(FIELDS).list.len() != len(names)

        def refuse(row: dict[str, Any]) -> DataError:
            return refuse_line(file, row[NUMBER], len(row[FIELDS]), len(names))

        rows = reject_rows(rows, wrong, refuse)
    fields = pl.col(FIELDS).list
    return rows.select(fields.get(place, null_on_oob=True).alias(name) for place, name in enumerate(names))


def count_fields(separator: str, quoted: bool = True) -> pl.Expr:
    """Fields of a line; quoted ones end in it."""
    line = pl.col(LINE).str.replace_all(r'"(?:[^"]|"")*"', "") if quoted else pl.col(LINE)
    return line.str.count_matches(separator, literal=True) + 1


def count_misfits(file: Path, lines: pl.LazyFrame, separator: str, width: int, survey: Survey) -> int:
    """Rows with another number of fields than the header."""
    if survey.quoting == "rows":
        return sum(len(row) != width for _, row in parse_quoted(file, lines, separator))
    fields = count_fields(separator, quoted=survey.quoting == "lines")
    return int(lines.select((fields != width).sum()).collect(engine="streaming").item())


def parse_quoted(file: Path, lines: pl.LazyFrame, separator: str) -> Iterator[tuple[list[tuple[int, str]], list[str]]]:
    """Rows as Python's csv reads them, each with its lines and their numbers. Raises DataError where it cannot."""
    taken: list[tuple[int, str]] = []

    def feed() -> Iterator[str]:
        for batch in lines.collect_batches(lazy=True):
            for number, line in batch.iter_rows():
                taken.append((number, line))
                yield f"{line}\n"

    try:
        for row in csv.reader(feed(), delimiter=separator):
            yield taken, row
            taken.clear()
    except csv.Error as error:  # a carriage return outside quotes, a field of more than 128 KiB
        place = f"{file}, line {taken[-1][0]}" if taken else file
        raise DataError(f"{place} cannot be read as quoted fields ({error}); mend the line") from None


def require_width(file: Path, lines: pl.LazyFrame, separator: str, width: int) -> None:
    """Raise DataError for the first line with another number of fields; quoted fields end in their line."""
    fields = count_fields(separator).alias(FIELDS)
    wrong = lines.select(NUMBER, fields).filter(pl.col(FIELDS) != width).head(1).collect()
    if wrong.height:
        number, found = wrong.row(0)
        raise refuse_line(file, number, found, width)


def read_rows(file: Path, lines: pl.LazyFrame, separator: str, names: list[str], ragged: str) -> pl.LazyFrame:
    """Rows that may go on over several lines; a field that does must end in a quotation mark and a separator."""
    schema = dict.fromkeys(names, pl.String)

    def parse() -> Iterator[list[str]]:
        for taken, row in parse_quoted(file, lines, separator):
            if len(taken) > 1:
                try:
                    list(csv.reader([f"{line}\n" for _, line in taken], delimiter=separator, strict=True))
                except csv.Error:
                    raise DataError(
                        f"{file}, line {taken[0][0]}: a quotation mark opens a field that does not end rightly "
                        f"(read up to line {taken[-1][0]}); double the mark inside quotes, or end the field"
                    ) from None
            filled = len(row) > 1 or (row and row[0].strip())
            if filled and len(row) != len(names) and ragged == "error":
                raise refuse_line(file, taken[0][0], len(row), len(names))
            if filled:
                yield [*row, *[""] * len(names)][: len(names)]

    def read(
        with_columns: list[str] | None, predicate: pl.Expr | None, n_rows: int | None, _batch_size: int | None
    ) -> Iterator[pl.DataFrame]:
        rows, left = parse(), n_rows
        while batch := [row for _, row in zip(range(BATCH if left is None else min(BATCH, left)), rows, strict=False)]:
            frame = pl.DataFrame(batch, schema=schema, orient="row").select(with_columns or pl.all())
            left = None if left is None else left - frame.height
            yield frame if predicate is None else frame.filter(predicate)

    return register_io_source(read, schema=schema)
