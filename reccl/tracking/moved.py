"""Moved: ./mlruns was moved or renamed, and its database still says where its files lay."""

import sqlite3
from contextlib import closing
from pathlib import Path
from urllib.parse import unquote, urlsplit

LAYOUT = "/mlruns/artifacts"
"""How the address ends under which a store of ours keeps its files."""
ADDRESSES = (
    ("experiments", "artifact_location"),
    ("runs", "artifact_uri"),
    ("logged_models", "artifact_location"),
    ("model_versions", "source"),
    ("model_versions", "storage_location"),
)
"""Tables and columns of MLflow that hold the addresses of files."""


def follow(database: Path, artifacts: Path) -> None:
    """Write the new addresses into the database of ./mlruns, where the old folder is gone and this one is there.

    Without it, models could not be found, and new runs would write into the old folder. A database that cannot be
    written to stays as it is.

    Args:
        database: the file of the store.
        artifacts: the folder beside it.

    """
    if not (database.is_file() and artifacts.is_dir()):
        return
    try:
        with closing(sqlite3.connect(database, timeout=30)) as connection, connection:
            for old in list_gone(connection, artifacts.as_uri()):
                for table, column in ADDRESSES:
                    replace_prefix(connection, table, column, old, artifacts.as_uri())
    except sqlite3.Error:
        return


def list_gone(connection: sqlite3.Connection, here: str) -> list[str]:
    """Addresses of experiments in our layout whose folder does not exist."""
    rows = connection.execute("select distinct artifact_location from experiments").fetchall()
    ours = (str(address) for (address,) in rows if str(address).startswith("file:"))
    known = [address for address in ours if address.endswith(LAYOUT) and address != here]
    return [address for address in known if not Path(unquote(urlsplit(address).path)).exists()]


def replace_prefix(connection: sqlite3.Connection, table: str, column: str, old: str, new: str) -> None:
    """Put `new` for `old` at the beginning of the addresses of a column; a table that is not there has none."""
    if not connection.execute("select 1 from sqlite_master where type = 'table' and name = ?", (table,)).fetchone():
        return
    connection.execute(
        f"update {table} set {column} = ? || substr({column}, ?) where {column} = ? or substr({column}, 1, ?) = ?",
        (new, len(old) + 1, old, len(old) + 1, f"{old}/"),
    )
