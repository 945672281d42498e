"""Asked users: the users that an option names, as ids or as a file."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from reccl.cli.console import say
from reccl.errors import DataError

if TYPE_CHECKING:
    import polars as pl

    from reccl.data.ids import IdMap


def user_ids(users: str, names: "Mapping[str, str]", known: "IdMap") -> "pl.Series":
    """User ids from a comma-separated list or a file.

    It is a file where there is one, or where the word ends as a table does (`.csv`); with a comma at the end it is ids.
    """
    import polars as pl

    from reccl.bundle import is_file
    from reccl.data.ingest.table_files import SUFFIXES
    from reccl.recommend.id_tables import read_user_ids, type_user_ids

    path = Path(users)
    if is_file(path):
        ids = read_user_ids(path, names, known, say)
    elif path.suffix.lower() in SUFFIXES and "," not in users:
        raise DataError(f"no file {users}; name one, or ids as id,id,... (with a comma behind a single one)")
    else:
        ids = type_user_ids([part.strip() for part in users.split(",") if part.strip()], known)
    if ids.is_empty():
        raise DataError("no users asked for; leave --users out to score all")
    return ids.cast(known.ids.dtype) if ids.dtype == pl.Null else ids
