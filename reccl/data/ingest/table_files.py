"""Table files: which files a path means (a file, a folder, Hive partitions, a pattern), and their format."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal
from urllib.parse import unquote

from reccl.data.ingest.transcode import COMPRESSED
from reccl.errors import DataError, did_you_mean, join_names

Format = Literal["auto", "csv", "tsv", "parquet", "jsonl", "json", "python", "arrow"]
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
PARTITION = re.compile(r"([A-Za-z_]\w*)=(.*)")
NO_VALUE = "__HIVE_DEFAULT_PARTITION__"
UNREAD = ("_", ".")
"""How names begin that are no data: _SUCCESS, .part-0.crc."""


@dataclass(frozen=True)
class TableFiles:
    """Files of one format that make one table."""

    paths: tuple[Path, ...]
    kind: str
    root: Path
    """The folder that was named: below it, folders called `dt=2026-01-01` hold a column."""

    def partitions(self, file: Path) -> dict[str, str | None]:
        """The columns that a file's folders hold.

        >>> file = Path("orders/dt=2026-01-01/country=de/part-0.parquet")
        >>> TableFiles((file,), "parquet", Path("orders")).partitions(file)
        {'dt': '2026-01-01', 'country': 'de'}
        """
        found = (PARTITION.fullmatch(part) for part in file.relative_to(self.root).parts[:-1])
        return {each[1]: None if each[2] == NO_VALUE else unquote(each[2]) for each in found if each}


def find_table_files(path: Path, kind: Format = "auto", leave_out: tuple[Path, ...] = ()) -> TableFiles:
    """The files that a path means, and their format.

    A path is a file; a folder: every table file right inside it, and below folders called `column=value`; or a pattern
    such as `logs/*.jsonl.gz` or `logs/**/*.csv`, whose files and folders are taken. Files whose names begin with `_` or
    a dot are left out. Raises DataError where there are none, or of several formats.
    """
    root, pattern = split_pattern(path)
    if path.is_dir():
        root = path
        files = [file for file in walk(path) if file not in leave_out and (kind != "auto" or tell_format(file))]
        if not files:
            raise DataError(f"no table files in {path}; {advise(path)}")
    elif path.is_file():
        root, files = path.parent, [path]
    elif pattern:
        matches = [match for match in sorted(root.glob(pattern)) if not match.name.startswith(UNREAD)]
        inside = [file for match in matches for file in (walk(match) if match.is_dir() else [match])]
        files = [file for file in dict.fromkeys(inside) if file not in leave_out]
        if not files:
            raise DataError(f"no file matches {path}; in {root} there are: {join_names(list_entries(root))}")
    else:
        beside = list_table_files(path.parent)
        there = f"; the table files there are: {join_names(beside)}" if beside else ""
        raise DataError(f"no file or folder {path}{did_you_mean(path.name, beside)}{there}")
    if kind != "auto":
        return TableFiles(tuple(files), kind, root)
    kinds = {tell_format(file) for file in files}
    found = kinds.pop()
    if kinds:
        raise DataError(
            f"{path} mixes formats: {join_names(file.name for file in files)}; name one file or one folder each"
        )
    if found is None:
        raise DataError(f"cannot tell the format of {files[0].name}; name it {join_names(SUFFIXES)}, or set format")
    return TableFiles(tuple(files), found, root)


def split_pattern(path: Path) -> tuple[Path, str]:
    """The folder that exists, and the pattern below it; an empty one where the rest of the path holds none.

    >>> split_pattern(Path("/tmp/logs/2026-*/*.csv"))[1]
    'logs/2026-*/*.csv'
    """
    existing = next((parent for parent in path.parents if parent.is_dir()), Path(path.anchor))
    rest = path.relative_to(existing).as_posix()
    return existing, rest if re.search(r"[*?\[]", rest) else ""


def walk(folder: Path) -> Iterator[Path]:
    """The files right inside a folder and below its folders of partitions, in the order of their names."""
    for entry in sorted(folder.iterdir()):
        if entry.name.startswith(UNREAD):
            continue
        if entry.is_file():
            yield entry
        elif entry.is_dir() and PARTITION.fullmatch(entry.name):
            yield from walk(entry)


def advise(folder: Path) -> str:
    """What to do where a folder has no table files right inside."""
    for entry in sorted(folder.glob("*/**/*"))[:1000]:
        if entry.is_file() and tell_format(entry):
            return f"there are some further below, such as {entry}: write {folder}/**/*{entry.suffix}"
    return f"expected {join_names(SUFFIXES)}, or set format"


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
    return [name for name in list_entries(folder) if tell_format(Path(name))]


def list_entries(folder: Path) -> list[str]:
    """Names of what is right inside a folder."""
    return sorted(entry.name for entry in folder.iterdir()) if folder.is_dir() else []


def label(file: Path) -> str:
    """A file's name, with the partitions that it lies in.

    >>> label(Path("/data/orders/dt=2026-01-01/part-0.csv"))
    'dt=2026-01-01/part-0.csv'
    """
    return "/".join([*(part for part in file.parts[:-1] if PARTITION.fullmatch(part)), file.name])
