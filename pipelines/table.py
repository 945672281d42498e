"""Your own data: a table of interactions from CSV, TSV, Parquet, JSON lines, Arrow files or a database.

    pipeline: table
    source: ./my-data                  # the folder that paths are relative to
    interactions: purchases/           # a file, a folder of files of one format, or a pattern: logs/*.jsonl.gz
    user: customer_id
    item: sku
    timestamp: bought_at
    items: products.parquet            # features, keyed by sku too

Ids stay what they are: whole numbers or text. Times become seconds since 1970.
"""

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Field

from reccl.data.ingest.database import read_database
from reccl.data.ingest.delimited import Dialect
from reccl.data.ingest.interactions import RawTable, interactions_to_tables
from reccl.data.ingest.pipelines import add_options
from reccl.data.ingest.table_files import Format, find_table_files
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError


@add_options(interactions_to_tables)
def pipeline(
    raw: Path,
    *,
    interactions: Path | None = None,
    format: Format = "auto",  # noqa: A002
    separator: Annotated[str, Field(min_length=1)] | None = None,
    encoding: str = "utf-8",
    comment: str | None = None,
    header: bool = True,
    columns: tuple[str, ...] | None = None,
    ragged: Literal["error", "fill"] = "error",
    database: str | None = None,
    query: str | None = None,
    users: Path | None = None,
    items: Path | None = None,
    **options: Any,
) -> Tables:
    r"""Read one table of interactions and, where given, a table of user features and one of item features.

    interactions: a file; a folder of files of one format, whose folders called `day=2026-01-01` hold a column `day`; or
      a pattern, such as logs/*.jsonl.gz or logs/**/*.csv. By default the data folder itself, less users and items.
    format: what the files are; auto goes by the suffix (.csv .tsv .parquet .json .jsonl .ndjson .arrow .ipc .feather,
      also with .gz, .zst, .bz2 or .xz behind); python is for lines that are Python dicts.
    separator: what stands between the fields of a text file; by default a comma, in .tsv a tab (also written \t).
    encoding: of text files, such as latin-1 or cp1252.
    comment: how lines of text files begin that are no rows, such as "#".
    header: false where the interactions' text begins with a row; columns are then called 1, 2, 3.
    columns: names for the columns of the interactions' text, in place of those.
    ragged: lines with more or fewer fields than the first are an error, or filled with missing values and cut.
    database, query: read the interactions from a database instead; database is a URI such as postgresql://host/name,
      and `$NAME` in it is taken from the environment, so that configs hold no passwords.
    users, items: files with one row an id and any columns besides: the features. Of rows with one id the first counts.
    """
    text = Dialect(separator and separator.replace("\\t", "\t"), encoding, comment, ragged)
    if database is None:
        features = tuple(raw / path for path in (users, items) if path)
        rows = RawTable.from_files(
            raw / (interactions or ""), format, replace(text, header=header, columns=columns), features
        )
    elif query is None or interactions is not None:
        raise DataError("database goes with query: SELECT ..., and without interactions")
    else:
        rows = RawTable.from_frame(read_database(query, database), "the query")
    described = [RawTable.from_files(raw / path, format, text) if path else None for path in (users, items)]
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
    read = [find_table_files(raw / (interactions or ""), format, leave_out=tuple(features))]
    return [file for found in (*read, *(find_table_files(path, format) for path in features)) for file in found.paths]
