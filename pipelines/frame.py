"""Your own data in memory: interactions, users and items as polars, pandas or pyarrow tables.

`reccl.Dataset.from_frame` is the way to it from Python. A config that was written with a table in memory keeps the
hash of its content, not the table.
"""

from pathlib import Path
from typing import Any

from reccl.data.ingest.frames import Frame, TableSource
from reccl.data.ingest.interactions import RawTable, interactions_to_tables
from reccl.data.ingest.pipelines import add_options
from reccl.data.ingest.table_files import find_table_files
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError


@add_options(interactions_to_tables)
def pipeline(
    raw: Path,
    *,
    interactions: TableSource,
    users: TableSource = None,
    items: TableSource = None,
    **options: Any,
) -> Tables:
    """Take a table of interactions and, where given, a table of user features and one of item features.

    interactions: a polars, pandas or pyarrow table with a row an interaction; or the path of a file.
    users, items: tables with a row an id and any columns besides: the features. Of rows with one id the first counts.
    """

    def table(source: Frame | Path | None, name: str) -> RawTable | None:
        if isinstance(source, Frame):
            return RawTable.from_frame(source.require_table(), f"the table of {name}")
        return RawTable.from_files(raw / source) if source else None

    rows = table(interactions, "interactions")
    if rows is None:
        raise DataError("interactions: give a polars, pandas or pyarrow table, or a file's path")
    return interactions_to_tables(rows, table(users, "users"), table(items, "items"), **options)


def inputs(raw: Path, **arguments: Any) -> list[Path]:
    """The files that are read, where a table is one."""
    sources = [arguments.get(name) for name in ("interactions", "users", "items")]
    return [file for source in sources if isinstance(source, Path) for file in find_table_files(raw / source).paths]
