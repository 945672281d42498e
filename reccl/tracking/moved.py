"""Moved: a store whose folder was copied or moved keeps its artifacts beside it, wherever it is now.

MLflow writes absolute paths into its database. Where the database is a file, the artifacts of reccl's runs lie in
`artifacts` beside it; the paths in it are rewritten where they name another place than that, and the files are here.
"""

import sqlite3
from contextlib import closing, suppress
from pathlib import Path
from urllib.parse import unquote, urlsplit

ARTIFACTS = "artifacts"
COLUMNS = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of MLflow that hold places of artifacts."""


def follow_folder(file: Path) -> None:
    """Make the database of a store name the artifacts beside it.

    A row is left alone where its files are not here and are where it says.
    """
    if not file.is_file():
        return
    here = file.absolute().parent / ARTIFACTS
    with closing(sqlite3.connect(file, timeout=60)) as connection, suppress(sqlite3.Error):
        # no database, or one that may only be read: MLflow's client says what is wrong
        places = connection.execute("select distinct artifact_location from experiments").fetchall()
        old = [path for (place,) in places if (path := local_path(place)) and has_moved(path, here, file)]
        with connection:
            for table, column in COLUMNS if old else ():
                rewrite(connection, table, column, old, here)


def rewrite(connection: sqlite3.Connection, table: str, column: str, old: list[Path], here: Path) -> None:
    """Relocate the places in a column; a table that is not there has none."""
    if not connection.execute("select 1 from sqlite_master where type = 'table' and name = ?", (table,)).fetchone():
        return
    for row, place in connection.execute(f"select rowid, {column} from {table}").fetchall():
        if new := relocate(place, old, here):
            connection.execute(f"update {table} set {column} = ? where rowid = ?", (new, row))


def has_moved(old: Path, here: Path, file: Path) -> bool:
    """Whether the artifacts of an experiment, recorded as those in `old`, belong to the store that is `file` now."""
    if old == here or old.name != ARTIFACTS:
        return False
    before = old.parent / file.name
    if is_there(before):
        return not before.samefile(file)  # a copy; the same file by another path is none
    return not is_there(old)


def relocate(place: str | None, old: list[Path], here: Path) -> str | None:
    """A place below one of `old` as one below `here`; None where it is another, or its files are there alone."""
    path = local_path(place)
    root = next((root for root in old if path and path.is_relative_to(root)), None)
    if path is None or root is None:
        return None
    new = here / path.relative_to(root)
    return None if path != root and is_there(path) and not is_there(new) else new.as_uri()


def local_path(place: str | None) -> Path | None:
    """The path of a file: URI or of a plain path; None for anything else.

    >>> local_path("file:///data/my%20runs"), local_path("s3://bucket/runs")
    (PosixPath('/data/my runs'), None)
    """
    parts = urlsplit(place or "")
    if parts.scheme == "file":
        return Path(unquote(parts.path))
    return Path(str(place)) if place and not parts.scheme and place.startswith("/") else None


def is_there(path: Path) -> bool:
    """Whether a path exists; False also where it may not be looked at."""
    try:
        return path.exists()
    except OSError:
        return False
