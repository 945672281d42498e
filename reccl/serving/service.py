"""Service: answers requests about a model as `reccl recommend` would, at the cost of the users asked for alone."""

import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from threading import Lock
from typing import TYPE_CHECKING, Any, Self

import polars as pl
import torch

from reccl.data.columns import ITEM, RANK, USER
from reccl.data.ids import IdMap
from reccl.data.labels import Labels
from reccl.recommend import Catalog, ExtendedModel, recommend
from reccl.recommend.explain import CONTRIBUTION, Explainer
from reccl.recommend.id_tables import rename_ids
from reccl.recommend.item_columns import describe_items
from reccl.recommend.rules import Candidates, ResolvedRules, resolve_rules
from reccl.recommender import Recommender
from reccl.serving.parameters import Parameters
from reccl.serving.request import CANDIDATES, EXCLUDE, HISTORY, Request, read_ids, read_request, read_table

if TYPE_CHECKING:
    import pandas as pd

logger = logging.getLogger("reccl.serving")


@dataclass(frozen=True)
class Shelf:
    """The items that requests choose from, with what all requests about them share."""

    catalog: Catalog
    new_items: pl.DataFrame | None
    table: pl.DataFrame | None  # [I] columns of the items
    labels: dict[str, Labels] = field(default_factory=dict)  # of columns that rules have named

    def labels_of(self, column: pl.Series) -> Labels:
        """The labels of one of its columns."""
        if column.name not in self.labels:
            self.labels[column.name] = Labels.of(column)
        return self.labels[column.name]

    @cached_property
    def explainer(self) -> Explainer:
        """Fitted to the trained users."""
        explainer = Explainer(self.catalog.extend())
        explainer.prepare()
        return explainer


class Service:
    """Answers requests of `mlflow models serve`, from several threads.

    A request is a table with a column `user`, and optional columns `history`, `exclude` and `candidates` (lists of
    ids of items) and `features` (objects), with `Parameters`. What depends on the model alone is computed once: with
    U users, a request for b of them costs what b users cost.
    """

    def __init__(self, recommender: Recommender) -> None:
        self.recommender, self.names = recommender, recommender.record.id_names()
        self.shelf = self.make_shelf(None)
        self.shelf_with_new = ("", self.shelf)  # the last new items, which tend to come again: as text, and made
        self.lock = Lock()

    @classmethod
    def read(cls, folder: Path) -> Self:
        """The model in a folder, ready: the first client does not wait for what all requests share.

        Raises RunError where it is no usable model.
        """
        service = cls(Recommender.read(folder))
        service.shelf.catalog.fits.prepare()
        return service

    def answer(self, table: "pd.DataFrame", params: Mapping[str, Any]) -> "pd.DataFrame":
        """user, item, score, rank, source, and the columns asked for: users in the order of the request.

        Raises RecclError for a request that cannot be meant.
        """
        import pandas as pd

        asked, users = Parameters.read(params), self.recommender.model.user_ids
        shelf = self.find_shelf(asked)
        request = read_request(table, users, shelf.catalog.model.item_ids)
        extended = self.extend(request, shelf)
        rules = self.resolve(request, asked, extended, shelf)
        parts = list(recommend(extended, request.users, asked.k, include_seen=asked.include_seen, rules=rules))
        order = request.users.to_frame().with_row_index("place")
        lists = pl.concat([self.recommender.empty_lists(), *parts]).join(order, on=USER)
        lists = lists.sort("place", RANK).drop("place")
        found = to_pandas(self.add_columns(lists, asked, shelf))
        if asked.explain:
            found["explanation"] = pd.Series(self.explain(lists, asked, extended, shelf), dtype=object)
        return found

    def find_shelf(self, asked: Parameters) -> Shelf:
        """The items of the model, and the new ones of a request."""
        if not asked.new_items:
            return self.shelf
        key = json.dumps(asked.new_items, default=str)
        with self.lock:
            if self.shelf_with_new[0] != key:
                table = read_table("new_items", asked.new_items)
                self.shelf_with_new = (
                    key,
                    self.make_shelf(rename_ids(table, self.recommender.record.table_id_names())),
                )
            return self.shelf_with_new[1]

    def make_shelf(self, new_items: pl.DataFrame | None) -> Shelf:
        """The items of the model and new ones, with all columns."""
        model, record = self.recommender.model, self.recommender.record
        catalog = Catalog.of(model, new_items, logger.info, record)
        table = describe_items(record.item_table, model.item_ids, catalog.model.item_ids, new_items)
        return Shelf(catalog, new_items, table)

    def extend(self, request: Request, shelf: Shelf) -> ExtendedModel:
        """A model of the users of a request alone, known and new ones."""
        rows = self.recommender.model.user_ids.to_rows(request.users)
        return shelf.catalog.extend(
            request.features,
            keep_filled(request.pairs.get(HISTORY)),
            logger.info,
            self.recommender.record,
            only=torch.from_numpy(rows.drop_nulls().to_numpy(writable=True)).long(),
            strangers=request.users.filter(rows.is_null()),
        )

    def resolve(self, request: Request, asked: Parameters, extended: ExtendedModel, shelf: Shelf) -> ResolvedRules:
        """The rules of a request in row numbers; ids of items that are not known forbid nothing and allow nothing."""
        rules, ids = asked.rules.read(), extended.model.item_ids
        rules = replace(
            rules,
            allow=None if rules.allow is None else keep_known(rules.allow, ids),
            deny=None if rules.deny is None else keep_known(rules.deny, ids),
            exclude=keep_filled(request.pairs.get(EXCLUDE)),
        )
        resolved = resolve_rules(rules, extended, shelf.table, self.names, logger.info, shelf.labels_of)
        candidates = find_candidates(request, extended)
        return (
            resolved
            if candidates is None
            else replace(resolved, candidates=candidates.to(extended.model.scorer.device))
        )

    def add_columns(self, table: pl.DataFrame, asked: Parameters, shelf: Shelf) -> pl.DataFrame:
        """A table with the columns of items that were asked for."""
        columns = asked.item_columns
        return self.recommender.with_item_columns(table, columns, shelf.new_items) if columns else table

    def explain(
        self, lists: pl.DataFrame, asked: Parameters, extended: ExtendedModel, shelf: Shelf
    ) -> list[dict[str, Any]]:
        """What carries the score of each row: contributions of the user's items, the largest first, those of the
        `others`, and the `rest`, which add up to the score; whether they are `exact`.
        """
        with self.lock:
            explainer = Explainer(extended, shelf.explainer)
        ids = ((extended.model.user_ids, USER), (extended.model.item_ids, ITEM))
        found = [explainer(*row) for row in zip(*(each.to_rows(lists[side]) for each, side in ids), strict=True)]
        return [
            {
                "contributions": self.add_columns(one.contributions.head(asked.explain), asked, shelf).to_dicts(),
                "others": float(one.contributions[CONTRIBUTION][asked.explain :].sum()),
                "rest": one.rest,
                "exact": one.exact,
            }
            for one in found
        ]


def keep_known(raw: list[Any], ids: IdMap) -> pl.Series:
    """The ids of items that are known."""
    typed = read_ids(ITEM, raw, ids)
    return typed.filter(ids.to_rows(typed).is_not_null())


def find_candidates(request: Request, extended: ExtendedModel) -> Candidates | None:
    """The candidates of a request's users; a list without any known item leaves its user nothing. None without any."""
    if request.choosers.is_empty():
        return None
    users, items = extended.model.user_ids, extended.model.item_ids
    pairs, choosers = request.pairs[CANDIDATES], request.choosers
    rows = pl.DataFrame({USER: users.to_rows(pairs[USER]), ITEM: items.to_rows(pairs[ITEM])})
    alone = pl.DataFrame({USER: users.to_rows(choosers)}).with_columns(pl.lit(None, rows.schema[ITEM]).alias(ITEM))
    return Candidates.of(pl.concat([rows, alone]), len(users), len(items))


def keep_filled(table: pl.DataFrame | None) -> pl.DataFrame | None:
    """The table, where it has rows."""
    return None if table is None or table.is_empty() else table


def to_pandas(table: pl.DataFrame) -> "pd.DataFrame":
    """A table as MLflow writes it to JSON: missing values and lists as Python has them."""
    import pandas as pd

    def to_series(column: pl.Series) -> "pd.Series[Any]":
        whole = not column.null_count()
        if column.dtype.is_numeric() and whole:
            return pd.Series(column.to_numpy())
        return pd.Series(column.to_list(), dtype="str" if column.dtype == pl.String and whole else object)

    return pd.DataFrame({column.name: to_series(column) for column in table})
