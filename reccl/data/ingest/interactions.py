"""Interactions: one table with a row an interaction, and tables of features, brought into reccl's columns and types."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal, Self

import polars as pl
from pydantic import Field

from reccl.data.columns import EVENT, ITEM, OPTIONAL, PART, PARTS, RATING, TIMESTAMP, USER, WEIGHT
from reccl.data.ingest import steps
from reccl.data.ingest.conversions import (
    Conversion,
    convert,
    infer_types,
    require_one_of,
    to_numbers,
    to_weights,
)
from reccl.data.ingest.delimited import Dialect, hint_at_header
from reccl.data.ingest.events import Events, require_known_events, weigh_events
from reccl.data.ingest.files import TEXT, scan_files
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.id_types import Ids, tell_id_types, to_ids
from reccl.data.ingest.table_files import Format, find_table_files
from reccl.data.ingest.tables import Tables
from reccl.data.ingest.time_forms import TimeForm, tell_time_form
from reccl.data.ingest.times import Unit, check_zone, to_epoch_seconds
from reccl.errors import DataError, did_you_mean, join_names

Core = Annotated[int, Field(ge=0, lt=2**31)]
Column = str | None
Duplicates = Literal["first", "last", "error", "sum", "count"]
"""What several rows of one (user, item) become."""


OPTIONS = {EVENT: "events.column"}
"""Keys of a config that name a column, where they are called otherwise than the column is inside reccl."""


@dataclass(frozen=True)
class RawTable:
    """A table with the columns of its origin: files, the rows of a query, or a frame in memory."""

    origin: str
    """What errors call it."""
    scan: Callable[[tuple[str, ...]], tuple[pl.LazyFrame, tuple[str, ...]]]
    """The rows, given the columns that hold ids; and what one may want to know of how they are read."""
    typed: bool = True
    """False where all values are text, as in CSV."""

    @classmethod
    def from_frame(cls, frame: pl.DataFrame | pl.LazyFrame, origin: str) -> Self:
        """A table that has types."""
        return cls(origin, lambda _: (frame.lazy(), ()))

    @classmethod
    def from_files(
        cls,
        path: Path,
        format: Format = "auto",  # noqa: A002
        dialect: Dialect | None = None,
        leave_out: tuple[Path, ...] = (),
    ) -> Self:
        """A file, a folder of files of one format, or a pattern of such."""
        found = find_table_files(path, format, leave_out)
        return cls(str(found.paths[0]), lambda ids: scan_files(found, dialect, ids), found.kind not in TEXT)


def interactions_to_tables(
    interactions: RawTable,
    user_features: RawTable | None = None,
    item_features: RawTable | None = None,
    *,
    user: str = USER,
    item: str = ITEM,
    timestamp: Column = None,
    time_unit: Unit | None = None,
    time_format: str | None = None,
    time_zone: str = "UTC",
    rating: Column = None,
    weight: Column = None,
    events: Events | None = None,
    part: Column = None,
    decimal: Literal[".", ","] = ".",
    thousands: Annotated[str, Field(min_length=1, max_length=1)] | None = None,
    ids: Ids = "auto",
    users_id: str | None = None,
    items_id: str | None = None,
    nulls: Literal["drop", "error"] = "drop",
    duplicates: Duplicates | None = None,
    minimum_rating: float | None = None,
    user_core: Core = 0,
    item_core: Core = 0,
    since: steps.Moment | None = None,
    until: steps.Moment | None = None,
) -> Tables:
    """Rename columns, convert types, and chain the steps that drop rows.

    user, item: the columns that hold the ids.
    timestamp, rating, weight, part: the columns that hold these. Without a name none is read, but for columns called
      rating and timestamp where minimum_rating, since or until asks for them.
    time_unit: what a timestamp given as a number counts; by default told by its size, which is said.
    time_format: how a timestamp is written, such as "%d.%m.%Y %H:%M" (31.12.2025 23:59) or "%Y%m%d"; by default ISO
      8601, or the one of the usual forms that fits all rows, which is said.
    time_zone: of times without an offset from UTC, such as Europe/Berlin.
    decimal, thousands: what stands before the decimals of numbers given as text, and between their thousands.
    ids: in text files, auto takes ids for numbers where all are whole numbers without leading zeros.
    users_id, items_id: the columns that hold the ids of users and items; by default the same as in the interactions.
    nulls: drop rows without user or item, or call them an error.
    events: the column that says what kind of event a row is, the weight of each kind, and which are to be predicted,
      as {column: event, weights: {view: 1, cart: 3, purchase: 10}, targets: [purchase]}.
    duplicates: of rows with one (user, item), keep the first or last in time; or sum their weights, or count them,
      among the rows of one part of the split; or call them an error. By default last, and sum where there are weights.
    minimum_rating: the least rating that counts as liked.
    user_core, item_core: keep users and items with at least so many rows, until nothing moves.
    since, until: keep what happened at or after `since` and before `until`: an ISO date, or seconds since 1970.
    """
    columns = {USER: user, ITEM: item, TIMESTAMP: timestamp, RATING: rating, WEIGHT: weight, PART: part}
    columns[EVENT] = events.column if events else None
    repeats = resolve_duplicates(duplicates, weighed=weight is not None or events is not None)
    raw, said = interactions.scan((user, item))
    notes = list(said)
    unnamed = [name for name in OPTIONAL if columns[name] is None and name in raw.collect_schema()]
    asked = {RATING: minimum_rating is not None, TIMESTAMP: since is not None or until is not None}
    columns |= {name: name for name in unnamed if asked.get(name)}
    frame = rename(raw, columns, interactions.origin)
    present = frame.collect_schema().names()
    kept, said = tell_id_types(frame, ids, interactions.typed)
    notes += said

    def convert_ids(key: str, known: bool = False) -> Conversion:
        return to_ids(key, kept[key], exported=not interactions.typed and ids != "string", known=known)

    conversions = {key: convert_ids(key, known=ids == "auto" and not interactions.typed) for key in (USER, ITEM)}
    conversions |= {name: to_numbers(name, decimal, thousands) for name in (RATING,) if name in present}
    if WEIGHT in present:
        conversions[WEIGHT] = to_weights(WEIGHT, decimal, thousands)
    if events is not None and events.unknown == "error":
        conversions[EVENT] = require_known_events(events)
    if TIMESTAMP in present:
        told = TimeForm(time_unit or "s", time_format)
        if time_unit is None and time_format is None:
            told = tell_time_form(frame, TIMESTAMP, check_zone(time_zone))
            notes += [told.note] if told.note else []
        conversions[TIMESTAMP] = to_epoch_seconds(TIMESTAMP, told.unit, told.form, check_zone(time_zone))
    if PART in present:
        conversions[PART] = require_one_of(PART, PARTS)
    funnel = Funnel.read(convert(frame, *conversions.values()))
    funnel = funnel.then(f"nulls: {nulls}", steps.drop_nulls(USER, ITEM, policy=nulls))
    mend = f"none is read from {interactions.origin}; set {{column}}: COLUMN"
    funnel = filter_rows(funnel, since=since, until=until, minimum_rating=minimum_rating, mend=mend)
    if events is not None:
        funnel = funnel.then("events with a weight", weigh_events(events))
    summed = repeats == "sum" or repeats == "count"
    if repeats == "count":
        funnel = Funnel(funnel.frame.with_columns(pl.lit(1.0).alias(WEIGHT)), funnel.passed)
    if not (repeats == "sum" or repeats == "count"):
        funnel = funnel.then(f"duplicates: {repeats}", steps.drop_duplicates(repeats))
    funnel = filter_rows(funnel, user_core=user_core, item_core=item_core, repeats=summed)

    def features(table: RawTable | None, column: str, key: str) -> pl.LazyFrame | None:
        if table is None:
            return None
        rows, said = table.scan((column,))
        notes.extend(said)
        if not table.typed:
            rows = infer_types(rows.collect(engine="streaming"), (column,), decimal, thousands).lazy()
        renamed = rename(rows, {key: column}, table.origin)
        return convert_ids(key)(renamed)

    users, items = features(user_features, users_id or user, USER), features(item_features, items_id or item, ITEM)
    unread = [name for name in unnamed if columns[name] is None]
    notes += [f"{interactions.origin}: column {name!r} is not read; set {name}: {name} to use it" for name in unread]
    return Tables(funnel, users, items, tuple(notes), summed)


def resolve_duplicates(duplicates: Duplicates | None, *, weighed: bool) -> Duplicates:
    """What repeated rows become. Raises DataError for a count of rows that are weighed otherwise."""
    if duplicates == "count" and weighed:
        raise DataError("duplicates: count gives a pair its number of rows; with weight or events set duplicates: sum")
    return duplicates or ("sum" if weighed else "last")


def filter_rows(
    funnel: Funnel,
    *,
    since: steps.Moment | None = None,
    until: steps.Moment | None = None,
    minimum_rating: float | None = None,
    user_core: int = 0,
    item_core: int = 0,
    repeats: bool = False,
    mend: str = "the data has none",
) -> Funnel:
    """Chain the steps that are asked for: a time window, a least rating, a k-core (`repeats`: of distinct pairs).

    Raises DataError where rows have no time or rating to go by; it ends with `mend`, `{column}` filled in.
    """
    present = funnel.frame.collect_schema()
    needs = {"minimum_rating": (minimum_rating, RATING), "since": (since, TIMESTAMP), "until": (until, TIMESTAMP)}
    for option, (value, column) in needs.items():
        if value is not None and column not in present:
            raise DataError(f"{option}: {value} needs a {column}, and {mend.format(column=column)}")
    if since is not None or until is not None:
        funnel = funnel.then("time window", steps.filter_times(since, until))
    if minimum_rating is not None:
        funnel = funnel.then(f"rating >= {minimum_rating:g}", steps.filter_ratings(minimum_rating))
    if user_core or item_core:
        funnel = funnel.then(
            f"core of {user_core} a user, {item_core} an item",
            steps.filter_k_core(user_core, item_core, repeats=repeats),
        )
    return funnel


def rename(frame: pl.LazyFrame, columns: Mapping[str, Column], origin: str) -> pl.LazyFrame:
    """Rename to the names inside reccl. Interactions keep only these; a feature table keeps the rest as features."""
    chosen = find_columns(frame.collect_schema().names(), columns, origin)
    renamed = [pl.col(column).alias(name) for name, column in chosen.items()]
    if len(columns) > 1:
        return frame.select(renamed)
    return frame.select(*renamed, pl.exclude([*chosen.values(), *chosen]))


def find_columns(present: list[str], columns: Mapping[str, Column], origin: str) -> dict[str, str]:
    """Which of the columns `present` holds what, of those that are named.

    Raises DataError with the near names where one is not there.
    """
    chosen = {name: column for name, column in columns.items() if column is not None}
    for name, column in chosen.items():
        if column not in present:
            near, option = did_you_mean(column, present), OPTIONS.get(name, name) if len(columns) > 1 else f"{name}s_id"
            there = f"the columns there are: {join_names(present)}"
            there += "; are separator, comment and header right?" * (len(present) == 1)
            there += hint_at_header(present)
            raise DataError(f"{origin} has no column {column!r}{near}; {there}; set {option}: COLUMN")
    if USER in chosen and chosen[USER] == chosen.get(ITEM):
        raise DataError(f"user and item are both column {chosen[USER]!r} of {origin}; set user: COLUMN, item: COLUMN")
    return chosen
