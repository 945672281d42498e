"""Extended: a model and newcomers as one model, without training."""

from dataclasses import dataclass, replace

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.fold_in import fold_in
from reccl.data.columns import ITEM, USER
from reccl.data.user_items import UserItemCSR
from reccl.errors import DataError
from reccl.recommend.model import Model
from reccl.recommend.newcomers import Described, Note, described, interactions

SOURCES = ("model", "fold_in", "content", "popularity")
"""What a score rests on, from the firmest to the weakest."""
MODEL, FOLD_IN, CONTENT, POPULARITY = range(len(SOURCES))


@dataclass(frozen=True)
class Extended:
    """A model over old and new nodes, with what each of them is placed by."""

    model: Model
    user_source: Tensor  # [U] places in SOURCES
    item_source: Tensor  # [I] likewise: model or content


def extend(
    model: Model,
    new_users: pl.DataFrame | None = None,
    new_items: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    note: Note = lambda _: None,
) -> Extended:
    """The model with newcomers behind its own users and items; the model itself is not touched.

    `new_items` (item, features) are placed by the content tower. `new_users` (user, features), and users whom only
    `history` (user, item) names, are placed by their items (`reccl.cold_start.fold_in`), by the tower, or by both: the
    tower says what to expect and the items correct it. Users with neither are listed by popularity. Known users in
    `history` move by what the further items say. All of `history` counts as seen. Notes are lines for a reader.
    """
    items = as_told(ITEM, new_items, model, note)
    grown, placed = with_items(model, items)
    users = as_told(USER, new_users, model, note)
    rows = None if history is None else interactions(history, model.user_ids, grown.item_ids, note)
    every = [users.ids] if rows is None else [users.ids, rows[USER]]
    taller, source = with_users(grown, users, pl.concat(every))
    cold = torch.bincount(grown.known.item, minlength=len(grown.item_ids)).cpu() == 0
    item_source = torch.where(cold & (model.towers.items is not None), CONTENT, MODEL)
    if rows is None or rows.is_empty():
        return Extended(taller, source, item_source)
    numbered = rows.with_columns(taller.user_ids.to_rows(rows[USER]))
    device, size = model.scorer.item_embeddings.device, (len(taller.user_ids), len(taller.item_ids))
    seen = UserItemCSR.from_interactions(numbered, *size).to(device)
    says = placed if model.scorer.history is None else placed | True
    telling = numbered.filter(pl.Series(says.cpu().numpy()).gather(numbered[ITEM]))
    own = UserItemCSR.from_interactions(telling, *size).to(device)
    content = (source == CONTENT).to(device)
    scorer = fold_in(
        taller.scorer, taller.known, own, feature_items=placed, feature_users=content, feature_prior=model.feature_prior
    )
    source[own.counts.cpu() > 0] = FOLD_IN
    return Extended(replace(taller, scorer=scorer, known=taller.known.union(seen)), source, item_source)


def as_told(side: str, table: pl.DataFrame | None, model: Model, note: Note) -> Described:
    """The new nodes of one side; none where there is no table."""
    ids, tower = (model.user_ids, model.towers.users) if side == USER else (model.item_ids, model.towers.items)
    return Described(ids.ids.clear(), None) if table is None else described(side, table, ids, tower, note)


def with_items(model: Model, new: Described) -> tuple[Model, Tensor]:
    """New items behind the old ones, and which items have a place at all, by training or by features ([I] bool)."""
    device, tower = model.scorer.item_embeddings.device, model.towers.items
    trained = torch.bincount(model.known.item, minlength=len(model.item_ids)) > 0
    if new.ids.is_empty():
        return model, trained if tower is None else trained | True
    if tower is None:
        raise DataError("this run places no new items: it was trained without a content tower for items")
    vectors = tower.embed(table_of(new)).to(model.scorer.item_embeddings)  # [m, D]
    items = model.item_ids.with_new(new.ids)
    order = torch.from_numpy(items.to_rows(new.ids).to_numpy(writable=True)).long().to(device)  # [m]
    whole = torch.cat([model.scorer.item_embeddings, torch.zeros_like(vectors)]).index_copy(0, order, vectors)
    popularity = torch.cat([model.popularity, model.popularity.new_zeros(len(new.ids))])
    known = model.known.resize(len(model.user_ids), len(items))
    operators = tuple(operator.pad(len(new.ids)) for operator in model.scorer.item_operators)
    scorer = replace(model.scorer, item_embeddings=whole, item_operators=operators)
    grown = replace(model, scorer=scorer, item_ids=items, known=known, popularity=popularity)
    return grown, torch.ones(len(items), dtype=torch.bool, device=device)


def with_users(model: Model, told: Described, everybody: pl.Series) -> tuple[Model, Tensor]:
    """New users behind the old ones, and what each user is placed by ([U] places in SOURCES).

    `everybody` are raw ids; the new ones among them get rows. Those who are `told` of with features are placed by them.
    """
    users, size = model.user_ids.with_new(everybody), len(model.item_ids)
    more = len(users) - len(model.user_ids)
    cold = (model.known.counts == 0).cpu() & (model.towers.users is not None)  # placed by features after training
    source = torch.cat([torch.where(cold, CONTENT, MODEL), torch.full((more,), POPULARITY)]).to(torch.int8)
    vectors = torch.cat(
        [
            model.scorer.user_embeddings,
            model.scorer.user_embeddings.new_zeros(more, model.scorer.user_embeddings.shape[1]),
        ]
    )
    tower = model.towers.users
    if tower is not None and told.features is not None:
        order = torch.from_numpy(users.to_rows(told.ids).to_numpy(writable=True)).long()  # [n]
        vectors[order.to(vectors.device)] = tower.embed(told.features).to(vectors)
        source[order] = CONTENT
    history = model.scorer.history
    scorer = replace(
        model.scorer, user_embeddings=vectors, history=None if history is None else history.resize(len(users), size)
    )
    return replace(model, scorer=scorer, user_ids=users, known=model.known.resize(len(users), size)), source


def table_of(new: Described) -> pl.DataFrame:
    """The features of new nodes; a table of no column where nothing is told."""
    return pl.DataFrame(height=len(new.ids)) if new.features is None else new.features
