"""Extended model: a model with new users, new items and new interactions, without training."""

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Self

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.fold_in import FoldInFits, fold_in
from reccl.cold_start.sources import CONTENT, FOLD_IN, POPULARITY, Sources, rank_unknown_by_popularity
from reccl.data.columns import ITEM, USER
from reccl.data.ids import IdMap
from reccl.data.user_items import UserItemCSR
from reccl.errors import DataError
from reccl.recommend.missing_tower import explain_missing_tower
from reccl.recommend.model import Model
from reccl.recommend.new_nodes import Log, NewNodes, read_history, read_new_nodes
from reccl.recommend.record import TrainingRecord
from reccl.scorers import Scorer


@dataclass(frozen=True)
class ExtendedModel:
    """A model over old and new nodes, with what each of them is embedded from."""

    model: Model
    user_source: Tensor  # [U] places in SOURCES
    item_source: Tensor  # [I] likewise: model, content or popularity

    @cached_property
    def ranker(self) -> Scorer:
        """The scorer, with popularity for users and items about which nothing is known."""
        model = self.model
        sources = Sources(self.user_source, self.item_source).to(model.scorer.device)
        return rank_unknown_by_popularity(model.scorer, sources, model.popularity)

    def with_users(self, ids: pl.Series) -> "ExtendedModel":
        """The same with rows for those of the raw `ids` whom it does not know; nothing is known about them."""
        model, _ = add_users(self.model, NewNodes(ids.clear()), ids)
        more = self.user_source.new_full((len(model.user_ids) - len(self.user_source),), POPULARITY)
        return replace(self, model=model, user_source=torch.cat([self.user_source, more]))


@dataclass(frozen=True)
class Catalog:
    """A model with its trained and new items, which users are asked against; what they share is computed once."""

    model: Model
    item_source: Tensor  # [I] places in SOURCES
    informative: Tensor  # [I] bool: items that have embeddings at all, trained or from features

    @classmethod
    def of(
        cls,
        model: Model,
        new_items: pl.DataFrame | None = None,
        log: Log = lambda _: None,
        record: TrainingRecord | None = None,
    ) -> Self:
        """The items of a model, and new ones behind them; see `extend_model`."""
        items = read_new_nodes(ITEM, new_items, model.item_ids, model.towers.items, log)
        if model.towers.items is None and len(items.ids):
            raise DataError(f"this model embeds no new items: {explain_missing_tower(ITEM, record)}")
        with_items, informative = add_items(model, items)
        source = model.sources.items.cpu()
        source = torch.cat([source, torch.full((len(with_items.item_ids) - len(source),), CONTENT)])
        return cls(with_items, source, informative)

    @cached_property
    def fits(self) -> FoldInFits:
        """What fold-in learns from the trained users."""
        return FoldInFits(self.model.scorer, self.model.known, self.informative)

    def extend(
        self,
        new_users: pl.DataFrame | None = None,
        history: pl.DataFrame | None = None,
        log: Log = lambda _: None,
        record: TrainingRecord | None = None,
        only: Tensor | None = None,
        strangers: pl.Series | None = None,
    ) -> ExtendedModel:
        """The model with new users and interactions; see `extend_model`.

        With `only`, [n] row numbers, it holds these users and the new ones and no other, whatever the number of users:
        all users of the model who are in the tables must be among them. `strangers` are ids of new users of whom
        nothing else need be known.
        """
        model = self.model if only is None else select_users(self.model, only)
        users = read_new_nodes(USER, new_users, model.user_ids, model.towers.users, log)
        if model.towers.users is None and new_users is not None and new_users.width > 1 and len(users.ids):
            log(f"features of new users are not used: {explain_missing_tower(USER, record)}")
        rows = None if history is None else read_history(history, model.user_ids, model.item_ids, log)
        ids = [users.ids, *([] if rows is None else [rows[USER]]), *([] if strangers is None else [strangers])]
        extended, source = add_users(model, users, pl.concat(ids))
        if rows is None or rows.is_empty():
            return ExtendedModel(extended, source, self.item_source)
        numbered = rows.with_columns(extended.user_ids.to_rows(rows[USER]))
        device, size = model.scorer.device, (len(extended.user_ids), len(extended.item_ids))
        seen = UserItemCSR.from_interactions(numbered, *size).to(device)
        counted = self.informative if model.scorer.history is None else torch.ones_like(self.informative)  # [I]
        evidence = numbered.filter(pl.Series(counted.cpu().numpy()).gather(numbered[ITEM]))
        own = UserItemCSR.from_interactions(evidence, *size).to(device)
        scorer = fold_in(
            extended.scorer,
            extended.known,
            own,
            feature_items=self.informative,
            feature_users=(source == CONTENT).to(device),
            feature_prior=model.feature_prior,
            fits=self.fits,
        )
        source[own.counts.cpu() > 0] = FOLD_IN
        whole = replace(extended, scorer=scorer, known=extended.known.union(seen))
        return ExtendedModel(whole, source, self.item_source)


def extend_model(
    model: Model,
    new_users: pl.DataFrame | None = None,
    new_items: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    log: Log = lambda _: None,
    record: TrainingRecord | None = None,
) -> ExtendedModel:
    """The model with new users and items behind its own; the model itself is not changed.

    `new_items` (item, features) are embedded by the tower of items. `new_users` (user, features),
    and users who are in `history` (user, item) alone, are embedded from their items (`reccl.cold_start.fold_in`), by
    the tower of users, or from both: the tower gives a prior, which the items correct. Users with neither are listed by
    popularity. Known users in `history` move with their further items. All of `history` counts as seen.
    `log` gets lines for a reader: what was left out, and why. With the `record` of the training an error about new
    nodes that the model cannot embed names the keys to set.
    """
    return Catalog.of(model, new_items, log, record).extend(new_users, history, log, record)


def select_users(model: Model, rows: Tensor) -> Model:
    """The model of n of its users ([n] row numbers) alone, in that order."""
    scorer, sources = model.scorer, model.sources
    history, personal = (
        None if part is None else part.select_users(rows.to(part.item.device))
        for part in (scorer.history, scorer.personal)
    )
    users = scorer.user_embeddings[rows.to(scorer.device)]
    return replace(
        model,
        scorer=replace(scorer, user_embeddings=users, history=history, personal=personal),
        user_ids=IdMap(model.user_ids.ids.gather(pl.Series(rows.numpy()))),
        known=model.known.select_users(rows.to(model.known.item.device)),
        sources=Sources(sources.users[rows.to(sources.users.device)], sources.items),
    )


def add_items(model: Model, new: NewNodes) -> tuple[Model, Tensor]:
    """New items behind the old ones, and which items have embeddings at all, trained or from features ([I] bool)."""
    device, tower = model.scorer.device, model.towers.items
    trained = torch.bincount(model.known.item, minlength=len(model.item_ids)) > 0
    if tower is None or new.ids.is_empty():
        return model, trained if tower is None else torch.ones_like(trained)
    embeddings = tower.embed(new.table()).to(model.scorer.item_embeddings)  # [m, D]
    items = model.item_ids.with_new(new.ids)
    rows = torch.from_numpy(items.to_rows(new.ids).to_numpy(writable=True)).long().to(device)  # [m]
    whole = torch.cat([model.scorer.item_embeddings, torch.zeros_like(embeddings)]).index_copy(0, rows, embeddings)
    popularity = torch.cat([model.popularity, model.popularity.new_zeros(len(new.ids))])
    known = model.known.resize(len(model.user_ids), len(items))
    operators = tuple(operator.pad(len(new.ids)) for operator in model.scorer.item_operators)
    history, personal = (
        resize(part, len(model.user_ids), len(items)) for part in (model.scorer.history, model.scorer.personal)
    )
    scorer = replace(model.scorer, item_embeddings=whole, history=history, item_operators=operators, personal=personal)
    extended = replace(model, scorer=scorer, item_ids=items, known=known, popularity=popularity)
    return extended, torch.ones(len(items), dtype=torch.bool, device=device)


def resize(items: UserItemCSR | None, users: int, count: int) -> UserItemCSR | None:
    """Items of users among more of both; None stays None."""
    return None if items is None else items.resize(users, count)


def add_users(model: Model, new: NewNodes, ids: pl.Series) -> tuple[Model, Tensor]:
    """New users behind the old ones, and what each user is embedded from ([U] places in SOURCES).

    All new ones among the raw `ids` get rows; those of `new` with features are embedded from them.
    """
    users, size, scorer = model.user_ids.with_new(ids), len(model.item_ids), model.scorer
    count, tower = len(users) - len(model.user_ids), model.towers.users
    source = torch.cat([model.sources.users.cpu(), torch.full((count,), POPULARITY)]).to(torch.int8)
    rows = scorer.user_embeddings.new_zeros(count, scorer.user_embeddings.shape[1])
    embeddings = torch.cat([scorer.user_embeddings, rows])
    if tower is not None and new.features is not None:
        place = torch.from_numpy(users.to_rows(new.ids).to_numpy(writable=True)).long()  # [n]
        embeddings[place.to(embeddings.device)] = tower.embed(new.features).to(embeddings)
        source[place] = CONTENT
    history, personal = resize(scorer.history, len(users), size), resize(scorer.personal, len(users), size)
    scorer = replace(scorer, user_embeddings=embeddings, history=history, personal=personal)
    return replace(model, scorer=scorer, user_ids=users, known=model.known.resize(len(users), size)), source
