"""Survey: what all rows say, once the columns are known: sizes, how ids are read, and which split measures fairly."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import polars as pl

from reccl.data.columns import ITEM, TIMESTAMP, USER
from reccl.data.ingest.conversions import WHOLE
from reccl.data.ingest.files import TEXT
from reccl.data.ingest.times import to_epoch_seconds
from reccl.scaffold.column import Column
from reccl.scaffold.table_file import TableFile
from reccl.scaffold.words import Role

GUESSED_FROM = 10_000
"""Rows from which `ids: auto` tells whether ids of text files are numbers."""
HELD = 0.1
"""Share of the rows that each held-out part of a temporal split is meant to have."""


@dataclass(frozen=True)
class Survey:
    """What all rows say."""

    rows: int
    users: int
    items: int
    as_text: bool  # whether ids of text files begin like numbers and go on otherwise
    timeless: int = 0  # rows without a time
    held: float = 0.0  # share of the rows that the latest tenth comes to: many rows of one instant stay together
    known: float = 0.0  # share of these rows whose user has earlier ones

    @property
    def split(self) -> str:
        """The kind of split that this data is measured by fairly."""
        if not self.held or self.timeless:
            return "random_per_user"
        return "temporal" if self.held < 3 * HELD and self.known >= 0.5 else "leave_last_out"


def survey(table: TableFile, columns: Mapping[Role, Column]) -> Survey:
    """Look at all rows, in bounded memory.

    Args:
        table: the interactions.
        columns: those that have a role, user and item among them.

    Raises DataError for the first time that cannot be read, with its row.

    """
    sides: dict[str, Role] = {USER: "user", ITEM: "item", TIMESTAMP: "timestamp"}
    rows = table.rows.select(pl.col(columns[role].name).alias(name) for name, role in sides.items() if role in columns)
    sizes = pl.len().alias("rows"), pl.col(USER).n_unique().alias("users"), pl.col(ITEM).n_unique().alias("items")
    counted = rows.select(*sizes).collect(engine="streaming").row(0, named=True)
    found = Survey(**counted, as_text=table.format in TEXT and any(turns_to_text(rows, side) for side in (USER, ITEM)))
    times = columns["timestamp"].times if "timestamp" in columns else None
    if times is None:
        return found
    if times.unit is not None and rows.collect_schema()[TIMESTAMP] == pl.String:
        rows = rows.with_columns(pl.col(TIMESTAMP).cast(pl.Float64, strict=False))
    return replace(found, **of_times(to_epoch_seconds(TIMESTAMP, times.unit or "s", times.format)(rows)))


def turns_to_text(rows: pl.LazyFrame, side: str) -> bool:
    """Whether ids look like whole numbers in the first rows, and something else comes later."""
    whole = pl.col(side).str.strip_chars().str.contains(WHOLE)
    first = rows.select(pl.col(side)).drop_nulls().head(GUESSED_FROM).select(whole.all()).collect().item()
    return bool(first) and not rows.select(whole.all()).collect(engine="streaming").item()


def of_times(rows: pl.LazyFrame) -> dict[str, Any]:
    """What the latest tenth of the rows is like."""
    moments = rows.select(TIMESTAMP).collect(engine="streaming")[TIMESTAMP]
    timeless = moments.null_count()
    moments = moments.drop_nulls().sort()
    if moments.is_empty():
        return {"timeless": timeless}
    late = pl.col(TIMESTAMP) >= moments[min(round(len(moments) * (1 - HELD)), len(moments) - 1)]
    earlier = rows.filter(~late).select(USER).unique()
    latest = rows.filter(late).select(USER)
    number = latest.select(pl.len()).collect(engine="streaming").item()
    known = latest.join(earlier, on=USER, how="semi").select(pl.len()).collect(engine="streaming").item()
    return {"timeless": timeless, "held": number / len(moments), "known": known / max(1, number)}
