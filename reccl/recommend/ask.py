"""Ask: what lists somebody asks for, in tables and ids of their own, checked against a model."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypedDict

import polars as pl

from reccl.memory import check_room, parse_amount
from reccl.recommend.extended_model import ExtendedModel, extend_model
from reccl.recommend.id_tables import Names, count_unknown, require_positive, type_user_ids
from reccl.recommend.item_columns import choose_item_columns, describe_items
from reccl.recommend.listing import Listing
from reccl.recommend.model import Model
from reccl.recommend.new_nodes import Log
from reccl.recommend.record import TrainingRecord
from reccl.recommend.rules import ResolvedRules, Rules, list_users, resolve_rules
from reccl.recommend.scoring_memory import forecast_scoring
from reccl.recommend.short_lists import ShortLists


class ListOptions(TypedDict, total=False):
    """What lists are asked for; see `reccl.Recommender.recommend`."""

    include_seen: bool | None
    new_users: Any
    new_items: Any
    history: Any
    item_columns: Sequence[str]
    rules: Rules | None
    memory_limit: str | int | None


@dataclass(frozen=True)
class Asked:
    """Lists that somebody asked for."""

    listing: Listing
    users: pl.Series | None  # None: everybody
    rules: Rules | None
    tables: Mapping[str, pl.DataFrame | None]  # what came after training, by name

    @property
    def all_users(self) -> pl.Series:
        """The users, each once, sorted."""
        known = self.listing.extended.model.user_ids.ids
        return known.sort() if self.users is None else self.users.unique().sort()

    def count_short(self) -> ShortLists:
        """What counts the lists that are short of items."""
        listing = self.listing
        return ShortLists(listing.k, len(listing.extended.model.item_ids), listing.rules or ResolvedRules())


def ask(
    model: Model,
    record: TrainingRecord,
    log: Log,
    users: Any = None,
    k: int = 20,
    *,
    include_seen: bool | None = None,
    new_users: Any = None,
    new_items: Any = None,
    history: Any = None,
    item_columns: Sequence[str] = (),
    rules: Rules | None = None,
    memory_limit: str | int | None = None,
) -> Asked:
    """The lists that are asked for; see `reccl.Recommender.recommend`. `log` hears of ids that are not known.

    Raises TrainingError where lists of everybody, or any where there is a `memory_limit`, would need more memory.
    """
    if users is None or memory_limit is not None:
        limit = parse_amount(memory_limit, "memory_limit") if isinstance(memory_limit, str) else memory_limit
        check_room(forecast_scoring(model, require_positive(k)), limit)
    people, items, rows = record.read_tables(new_users, new_items, history)
    extended = extend_model(model, people, items, rows, log, record)
    wanted = None if users is None else type_user_ids(users, extended.model.user_ids, record.id_names())
    if wanted is not None:
        count_unknown(wanted, extended.model.user_ids, log)
    extended = add_named_users(extended, wanted, rules, record.id_names())
    resolved = resolve_for(model, record, rules, extended, items, log)
    beside = choose_item_columns(record.item_table, model.item_ids, item_columns, items) if item_columns else None
    listing = Listing(extended, require_positive(k), include_seen, resolved, beside)
    return Asked(listing, wanted, rules, {"new_users": people, "new_items": items, "history": rows})


def add_named_users(
    extended: ExtendedModel, wanted: pl.Series | None, rules: Rules | None, names: Names
) -> ExtendedModel:
    """The model with a row for each of the `wanted` users whom rules name and it does not know: rules hold for them.

    `wanted` None means everybody whom the model knows.
    """
    if wanted is None or rules is None:
        return extended
    known = extended.model.user_ids
    named = [wanted.filter(wanted.is_in(known.cast(ids).implode())) for ids in list_users(rules, names)]
    return extended.with_users(pl.concat([wanted.clear(), *named]))


def resolve_for(
    model: Model,
    record: TrainingRecord,
    rules: Rules | None,
    extended: ExtendedModel,
    new_items: pl.DataFrame | None,
    log: Log,
) -> ResolvedRules:
    """Rules in row numbers of a model that may have further users and items."""
    if rules is None:
        return ResolvedRules()
    table = describe_items(record.item_table, model.item_ids, extended.model.item_ids, new_items)
    return resolve_rules(rules, extended, table, record.id_names(), log)
