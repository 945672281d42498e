"""Resolved rules: rules in row numbers of a model, checked."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, Self

import polars as pl
import torch
from torch import Tensor
from torch.nn.functional import normalize

from reccl.cold_start.sources import CONTENT
from reccl.data.columns import ITEM, USER
from reccl.data.features.nested import has_column, read_column
from reccl.data.ids import IdMap, contrast_ids
from reccl.data.ingest.frames import to_polars
from reccl.data.labels import Labels
from reccl.data.user_items import UserItemCSR
from reccl.errors import DataError, did_you_mean, join_names
from reccl.recommend.extended_model import ExtendedModel
from reccl.recommend.id_tables import Names, rename_ids, to_series
from reccl.recommend.new_nodes import Log
from reccl.recommend.rules.diversity import Calibrated, Diversity
from reccl.recommend.rules.new_items import PlacesBefore
from reccl.recommend.rules.rules import Rules
from reccl.recommend.rules.where import select_where


@dataclass(frozen=True)
class Candidates:
    """Each user's own candidates. Who chooses among them and of whose none is known has nothing to choose from."""

    items: UserItemCSR
    choosers: Tensor  # [U] bool: users who have candidates of their own, be they known items or not

    @classmethod
    def of(cls, rows: pl.DataFrame, users: int, items: int) -> Self:
        """Those of pairs of row numbers; an unknown user or item is missing."""
        choosers = torch.zeros(users, dtype=torch.bool)
        choosers[torch.from_numpy(rows[USER].drop_nulls().to_numpy(writable=True)).long()] = True
        return cls(UserItemCSR.from_interactions(rows.drop_nulls(), users, items), choosers)

    def to(self, device: torch.device) -> "Candidates":
        """The same on another device."""
        return Candidates(self.items.to(device), self.choosers.to(device))


@dataclass(frozen=True)
class ResolvedRules:
    """What `select_top_k` reads."""

    allowed: Tensor | None = None  # [I] bool: items that anybody may get
    exclude: UserItemCSR | None = None  # pairs that may not be
    candidates: Candidates | None = None  # the only items of the users who choose among their own
    caps: tuple[tuple[Labels, int], ...] = ()  # how many items of a label a list holds at most
    diversity: Diversity | None = None
    labels: Labels | None = None  # what `diversity` looks at
    vectors: Tensor | None = None  # [I, D] of length one, where it looks at embeddings
    past: UserItemCSR | None = None  # the users' items, for calibration
    new_items: Tensor | None = None  # [I] bool: items without training rows, which have a share or a boost
    new_item_share: float = 0.0
    new_item_boost: float = 0.0
    places_before: PlacesBefore = field(default_factory=PlacesBefore)  # of new items, without share and boost

    def to(self, device: torch.device) -> "ResolvedRules":
        """The same with what masks scores on another device; lists are put together on the CPU."""
        return replace(
            self,
            allowed=None if self.allowed is None else self.allowed.to(device),
            exclude=None if self.exclude is None else self.exclude.to(device),
            candidates=None if self.candidates is None else self.candidates.to(device),
            new_items=None if self.new_items is None else self.new_items.to(device),
        )


def resolve_rules(
    rules: Rules,
    extended: ExtendedModel,
    table: pl.DataFrame | None,
    names: Names,
    log: Log,
    labels_of: Callable[[pl.Series], Labels] = Labels.of,
) -> ResolvedRules:
    """The rules for a model whose items have the columns of `table`, in the order of its ids.

    `labels_of` gives the labels of a column, which who asks again and again may keep.
    Raises DataError for ids that match nothing and for missing columns, ConfigError for a condition that means nothing.
    `log` gets a line for ids of lists that are not known.
    """
    model = extended.model
    allowed = torch.ones(len(model.item_ids), dtype=torch.bool)
    if rules.where is not None:
        allowed &= torch.from_numpy(select_where(rules.where, require_table(table)).to_numpy(writable=True))
    for name, ids, keeps in (("allow", rules.allow, True), ("deny", rules.deny, False)):
        if ids is not None:
            listed = torch.zeros_like(allowed)
            listed[match_ids(to_series(ids, names, ITEM), model.item_ids, f"items of {name}", log)] = True
            allowed &= listed if keeps else ~listed
    size = len(model.user_ids), len(model.item_ids)
    exclude, candidates = (
        None if pairs is None else match_pairs(pairs, extended, names, name, log)
        for name, pairs in (("exclude", rules.exclude), ("candidates", rules.candidates))
    )
    excluded = None if exclude is None else UserItemCSR.from_interactions(exclude.drop_nulls(), *size)
    chosen = None if candidates is None else Candidates.of(candidates, *size)
    caps = tuple((labels_of(find_column(table, column)), count) for column, count in rules.at_most.items())
    diversity, labels, vectors, past = rules.diversity, None, None, None
    if diversity is not None and diversity.by is not None:
        labels = labels_of(find_column(table, diversity.by))
    elif diversity is not None:
        vectors = normalize(model.scorer.item_embeddings.cpu().float(), dim=1)
        if not vectors.shape[1]:
            raise DataError("this model has no embeddings of items: name a column to tell items apart by")
    if isinstance(diversity, Calibrated):
        past = model.known.to(torch.device("cpu"))
    masked = None if allowed.all() else allowed
    asked = next((name for name in ("new_item_share", "new_item_boost") if getattr(rules, name)), None)
    new_items = extended.item_source == CONTENT if asked else None
    if new_items is not None and not new_items.any():
        raise DataError(f"{asked}: this model knows no new items with features; give some, new_items=...")
    more = {name: getattr(rules, name) for name in ("new_item_share", "new_item_boost")} | {"new_items": new_items}
    found = ResolvedRules(masked, excluded, chosen, caps, diversity, labels, vectors, past, **more)
    return found.to(model.scorer.device)


def require_table(table: pl.DataFrame | None) -> pl.DataFrame:
    """The table of items. Raises DataError where there is none."""
    if table is None:
        raise DataError("rules about columns need a table of items, and this model was trained without one")
    return table


def find_column(table: pl.DataFrame | None, name: str) -> pl.Series:
    """A column of the items, or a field of a nested one. Raises DataError where there is none of that name."""
    there = require_table(table)
    if not has_column(there, name):
        near = did_you_mean(name, there.columns) or f"; there are: {join_names(there.columns)}"
        raise DataError(f"the items have no column {name!r}{near}")
    return read_column(there, name)


def match_ids(raw: pl.Series, known: IdMap, what: str, log: Log) -> Tensor:
    """Row numbers of the known ids. Raises DataError where there are ids and none is known."""
    rows = known.to_rows(raw.drop_nulls())
    missing = rows.null_count()
    if len(rows) and missing == len(rows):
        raise DataError(f"none of the {what} is known: {contrast_ids(raw, known)}")
    if missing:
        log(f"{missing:,} of {len(rows):,} {what} are not known")
    return torch.from_numpy(rows.drop_nulls().to_numpy(writable=True)).long()


def match_pairs(pairs: Any, extended: ExtendedModel, names: Names, what: str, log: Log) -> pl.DataFrame:
    """A table of user and item as row numbers, null where an id is unknown; pairs with such an id are counted."""
    table, model = read_pairs(pairs, names, what), extended.model
    sides = ((USER, model.user_ids), (ITEM, model.item_ids))
    rows = table.select(ids.to_rows(table[side]).alias(side) for side, ids in sides)
    known = rows.drop_nulls()
    if table.height and known.is_empty():
        side, ids = next(((side, ids) for side, ids in sides if rows[side].null_count() == rows.height), sides[0])
        raise DataError(f"no pair of {what} is known: {side} ids {contrast_ids(table[side], ids)}")
    if known.height < rows.height:
        log(f"{rows.height - known.height:,} of {rows.height:,} pairs of {what} are not known")
    return rows


def read_pairs(pairs: Any, names: Names, what: str) -> pl.DataFrame:
    """A table of pairs under reccl's own names. Raises DataError where it has no column of users or of items."""
    table = rename_ids(to_polars(pairs), names)
    for column in (USER, ITEM):
        if column not in table.columns:
            raise DataError(f"{what} has no column {column!r}; there are: {join_names(table.columns)}")
    return table


def list_users(rules: Rules, names: Names) -> list[pl.Series]:
    """Raw ids of the users whom rules name, a series a table."""
    tables = {"exclude": rules.exclude, "candidates": rules.candidates}
    return [read_pairs(pairs, names, what)[USER] for what, pairs in tables.items() if pairs is not None]
