"""Your own data: a table of interactions from CSV, TSV, Parquet, JSON lines, Arrow files or a database.

    pipeline: table
    source: ./my-data                  # the folder that paths are relative to
    interactions: purchases/           # a file, or a folder of files of one format
    user: customer_id
    item: sku
    timestamp: bought_at
    items: products.parquet            # features, keyed by sku too

Ids stay what they are: whole numbers or text. Times become seconds since 1970.
"""

from pathlib import Path
from typing import Any

from reccl.data.ingest.database import read_database
from reccl.data.ingest.files import Format, find_table_files
from reccl.data.ingest.interactions import RawTable, interactions_to_tables
from reccl.data.ingest.pipelines import add_options
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError


@add_options(interactions_to_tables)
def pipeline(
    raw: Path,
    *,
    interactions: Path | None = None,
    format: Format = "auto",  # noqa: A002
    separator: str | None = None,
    database: str | None = None,
    query: str | None = None,
    users: Path | None = None,
    items: Path | None = None,
    **options: Any,
) -> Tables:
    """Read one table of interactions and, where given, a table of user features and one of item features.

    interactions: a file, or a folder of files of one format; by default the data folder itself, less users and items.
    format: what the files are; auto goes by the suffix (.csv .tsv .parquet .jsonl .ndjson .arrow .ipc .feather).
    separator: the one character between the fields of a CSV file; by default a comma, a tab for .tsv.
    database, query: read the interactions from a database instead; database is a URI such as postgresql://host/name,
      and `$NAME` in it is taken from the environment, so that configs hold no passwords.
    users, items: files with one row an id and any columns besides: the features. Of rows with one id the first counts.
    """
    if database is None:
        features = tuple(raw / path for path in (users, items) if path)
        rows = RawTable.from_files(raw / (interactions or ""), format, separator, features)
    elif query is None or interactions is not None:
        raise DataError("database goes with query: SELECT ..., and without interactions")
    else:
        rows = RawTable.from_frame(read_database(query, database), "the query")
    described = [RawTable.from_files(raw / path, format, separator) if path else None for path in (users, items)]
    return interactions_to_tables(rows, *described, **options)


def inputs(
    raw: Path,
    *,
    interactions: Path | None = None,
    format: Format = "auto",  # noqa: A002
    database: str | None = None,
    users: Path | None = None,
    items: Path | None = None,
    **_: object,
) -> list[Path] | None:
    """The files that are read; None for a database, whose rows may change at any time."""
    if database is not None:
        return None
    features = [raw / path for path in (users, items) if path]
    files, _kind = find_table_files(raw / (interactions or ""), format, leave_out=tuple(features))
    return files + [file for path in features for file in find_table_files(path, format)[0]]
