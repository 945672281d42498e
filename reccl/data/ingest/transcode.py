"""Transcode: a text file of any encoding or compression as one that polars reads, UTF-8 and plain, gzip or zstd."""

import bz2
import codecs
import lzma
import shutil
from collections.abc import Callable
from functools import cache
from io import TextIOWrapper
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO

import polars as pl

from reccl.errors import DataError

OPENERS: dict[str, Callable[[Path], IO[bytes]]] = {".bz2": bz2.open, ".xz": lzma.open}
"""Compressions that polars does not read."""
NO_TEXT = {
    b"PAR1": "Parquet; set format: parquet",
    b"ARROW1": "Arrow; set format: arrow",
    b"PK\x03\x04": "a zip archive, or a spreadsheet; unpack it, or export it as CSV",
    b"SQLite": "a database; set database and query",
}
"""How files begin that hold something else, and what to do."""
COMPRESSED = (".gz", ".zst", *OPENERS)
"""All that are told by the ending of a name."""


def to_utf8(path: Path, encoding: str = "utf-8") -> Path:
    """The file itself, or a UTF-8 copy of it, which goes when this process ends.

    A file that begins with the mark of UTF-16 is read as that. Raises DataError where the text is not of the encoding.
    """
    try:
        with _open(path) as file:
            start = file.read(6)
        for mark, what in NO_TEXT.items():
            if start.startswith(mark):
                raise DataError(f"{path} is no text: it holds {what}")
        if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
            encoding = "utf-16"
        plain = codecs.lookup(encoding).name in ("utf-8", "utf-8-sig") and path.suffix.lower() not in OPENERS
        return path if plain else _copy(path, encoding, path.stat().st_mtime_ns)
    except (UnicodeError, LookupError):
        raise DataError(f"{path} is not {encoding} text; set encoding to the one it has") from None
    except (EOFError, lzma.LZMAError, OSError) as error:
        raise DataError(f"cannot read {path}: {error}; is it whole, and what its ending says?") from None


def _open(path: Path) -> IO[bytes]:
    opener = OPENERS.get(path.suffix.lower())
    return path.open("rb") if opener is None else opener(path)


@cache
def _folder() -> "TemporaryDirectory[str]":
    return TemporaryDirectory(prefix="reccl-")


def rewrite_lines(path: Path, convert: Callable[[str, int], str]) -> Path:
    """A copy of a text file, which goes when this process ends: every line that is not blank, converted.

    Args:
        path: the file, plain or compressed.
        convert: from a line and its number to the line in its place.

    """
    target = _name_copy(path)
    lines = pl.scan_lines(to_utf8(path), glob=False).collect_batches(lazy=True)
    with target.open("w", encoding="utf-8") as copy:
        for number, line in enumerate((line for batch in lines for line in batch.to_series()), 1):
            if line.strip():
                copy.write(f"{convert(line, number)}\n")
    return target


def _name_copy(path: Path) -> Path:
    folder = Path(_folder().name)
    return folder / f"{len(list(folder.iterdir()))}-{path.stem}"


@cache
def _copy(path: Path, encoding: str, _changed: int) -> Path:
    target = _name_copy(path)
    with (
        _open(path) as file,
        TextIOWrapper(file, encoding, newline="") as text,  # refuses half a character at the end
        target.open("w", encoding="utf-8", newline="") as copy,
    ):
        shutil.copyfileobj(text, copy)
    return target
