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

from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM, PART, PARTS, RATING, TIMESTAMP, USER, WEIGHT
from reccl.data.ingest import steps
from reccl.data.ingest.conversions import WHOLE, epoch_seconds, numbers, one_of, texts, whole_numbers
from reccl.data.ingest.database import read_database
from reccl.data.ingest.files import TEXT, Format, scan, table_files
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.errors import DataError, did_you_mean, listed

Core = Annotated[int, Field(ge=0)]
Column = str | Literal[False] | None


def pipeline(
    raw: Path,
    *,
    interactions: Path | None = None,
    format: Format = "auto",  # noqa: A002
    separator: str | None = None,
    database: str | None = None,
    query: str | None = None,
    user: str = USER,
    item: str = ITEM,
    timestamp: Column = None,
    time_unit: Literal["s", "ms", "us", "ns"] = "s",
    time_format: str | None = None,
    rating: Column = None,
    weight: Column = None,
    part: Column = None,
    ids: Literal["auto", "integer", "string"] = "auto",
    users: Path | None = None,
    users_id: str | None = None,
    items: Path | None = None,
    items_id: str | None = None,
    nulls: Literal["drop", "error"] = "drop",
    duplicates: Literal["first", "last", "error"] = "last",
    minimum_rating: float | None = None,
    user_core: Core = 0,
    item_core: Core = 0,
    since: steps.Moment | None = None,
    until: steps.Moment | None = None,
) -> Tables:
    """Read one table of interactions and, where given, a table of user features and one of item features.

    interactions: a file, or a folder of files of one format; by default the data folder itself, less users and items.
    format: what the files are; auto goes by the suffix (.csv .tsv .parquet .jsonl .ndjson .arrow .ipc .feather).
    separator: the one character between the fields of a CSV file; by default a comma, a tab for .tsv.
    database, query: read the interactions from a database instead; database is a URI such as postgresql://host/name,
      and `$NAME` in it is taken from the environment, so that no password stands in a config.
    user, item: the columns that hold the ids.
    timestamp, rating, weight, part: the columns that hold these; by default those of that name, where there are such;
      false leaves such a column out.
    time_unit: what a timestamp given as a number counts; text is read as ISO 8601, dates and date-times as such.
    time_format: how a timestamp is written instead, such as "%d.%m.%Y %H:%M" (31.12.2025 23:59) or "%Y%m%d".
    ids: in text files, auto takes ids for numbers when the first 10,000 rows hold only whole numbers.
    users, items: files with one row an id and any columns besides: the features. Of rows with one id the first counts.
    users_id, items_id: the columns that hold the ids there; by default the same names as in the interactions.
    nulls: drop rows without user or item, or call them an error.
    duplicates: of rows with one (user, item), keep the first or last in time, or call them an error.
    minimum_rating: the least rating that counts as liked.
    user_core, item_core: keep users and items with at least so many rows, until nothing moves.
    since, until: keep what happened at or after `since` and before `until`: an ISO date, or seconds since 1970.
    """
    if database is not None:
        if query is None or interactions is not None:
            raise DataError("database goes with query: SELECT ..., and without interactions")
        frame, kind, origin = read_database(query, database), "database", "the query"
    else:
        files, kind = _interaction_files(raw, interactions, format, users, items)
        frame, origin = scan(files, kind, separator, text=(user, item)), str(files[0])
    columns = {USER: user, ITEM: item, TIMESTAMP: timestamp, RATING: rating, WEIGHT: weight, PART: part}
    frame = _named(frame, columns, origin)
    present = frame.collect_schema().names()
    for option, value, column in (
        ("minimum_rating", minimum_rating, RATING),
        ("since", since, TIMESTAMP),
        ("until", until, TIMESTAMP),
    ):
        if value is not None and column not in present:
            raise DataError(f"{option}: {value} needs a {column}, and {origin} has none; set {column}: COLUMN")

    conversions = {key: _identifiers(frame, key, ids, guess=kind in TEXT) for key in (USER, ITEM)}
    conversions |= {name: numbers(name) for name in (RATING, WEIGHT) if name in present}
    if TIMESTAMP in present:
        conversions[TIMESTAMP] = epoch_seconds(TIMESTAMP, time_unit, time_format)
    if PART in present:
        conversions[PART] = one_of(PART, PARTS)
    for convert in conversions.values():
        frame = convert(frame)

    funnel = Funnel.read(frame).then(f"nulls: {nulls}", steps.without_nulls(USER, ITEM, policy=nulls))
    if since is not None or until is not None:
        funnel = funnel.then("time window", steps.time_window(since, until))
    if minimum_rating is not None:
        funnel = funnel.then(f"rating >= {minimum_rating:g}", steps.minimum_rating(minimum_rating))
    funnel = funnel.then(f"duplicates: {duplicates}", steps.without_duplicates(duplicates))
    if user_core or item_core:
        funnel = funnel.then(f"core of {user_core} a user, {item_core} an item", steps.k_core(user_core, item_core))

    def features(path: Path | None, column: str, key: str) -> pl.LazyFrame | None:
        if path is None:
            return None
        table = scan(*table_files(raw / path, format), separator, text=(column,))
        return (
            conversions[key](_named(table, {key: column}, str(raw / path)))
            .drop_nulls(key)
            .unique(key, keep="first", maintain_order=True)
        )

    return Tables(funnel, features(users, users_id or user, USER), features(items, items_id or item, ITEM))


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
    files, _kind = _interaction_files(raw, interactions, format, users, items)
    return files + [file for path in (users, items) if path for file in table_files(raw / path, format)[0]]


def _interaction_files(
    raw: Path, interactions: Path | None, kind: Format, users: Path | None, items: Path | None
) -> tuple[list[Path], str]:
    features = tuple(raw / path for path in (users, items) if path)
    return table_files(raw / (interactions or ""), kind, leave_out=features)


def _named(frame: pl.LazyFrame, columns: Mapping[str, Column], origin: str) -> pl.LazyFrame:
    """Rename to the names inside reccl. Interactions keep only these; a feature table keeps the rest as features."""
    present = frame.collect_schema().names()
    chosen = {
        name: column or name for name, column in columns.items() if column or (column is None and name in present)
    }
    for name, column in chosen.items():
        if column not in present:
            near = did_you_mean(column, present)
            raise DataError(
                f"{origin} has no column {column!r}{near}; the columns there are: {listed(present)}; set {name}: COLUMN"
            )
    renamed = [pl.col(column).alias(name) for name, column in chosen.items()]
    if len(columns) > 1:
        return frame.select(renamed)
    return frame.select(*renamed, pl.exclude([*chosen.values(), *chosen]))


def _identifiers(frame: pl.LazyFrame, key: str, ids: Literal["auto", "integer", "string"], guess: bool) -> steps.Step:
    """How ids of this kind are read, in interactions and features alike."""
    numeric = frame.collect_schema()[key].is_integer()
    if ids == "auto" and guess:
        first = frame.select(pl.col(key).str.strip_chars()).drop_nulls().head(10_000).collect()[key]
        numeric = first.len() > 0 and bool(first.str.contains(WHOLE).all())
    if ids == "integer" or (ids == "auto" and numeric):
        return whole_numbers(key, "set ids: string")
    return texts(key)
