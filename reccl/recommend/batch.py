"""Batch: recommendations for many users as a stream of tables in raw ids."""

from collections.abc import Iterator
from dataclasses import replace

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.sources import POPULARITY, SOURCES
from reccl.data.columns import ITEM, RANK, SCORE, SOURCE, USER
from reccl.data.user_items import UserItemCSR
from reccl.recommend.extended_model import ExtendedModel, extend_model
from reccl.recommend.model import Model
from reccl.recommend.rules import ResolvedRules, select_top_k
from reccl.scorers import Scorer

UNKNOWN_USERS = 100_000
"""Users in one table of those whom the model does not know."""


def recommend(
    model: Model | ExtendedModel,
    users: pl.Series | None = None,
    k: int = 20,
    *,
    include_seen: bool | None = None,
    rules: ResolvedRules | None = None,
) -> Iterator[pl.DataFrame]:
    """The k best items of every user, a chunk of users at a time, sorted by user and rank.

    Columns: user, item (raw ids), score, rank (1 is best), source. `users` None means all, new ones too. Items that a
    user is known to have are left out, or listed where `include_seen` is true, or None and the model was measured so
    (`evaluation.hide: none`); where fewer than k are left, the list is shorter. A user asked for twice is listed once.
    Known users come first, then new ones, then those listed by popularity.

    Users, items and interactions that came after training are added by `extend_model` first, without training. `source`
    is what a row's score rests on, the weakest part of it: model (a trained user and a trained item), fold_in (a user
    embedded, or moved, by interactions since training), content (a user or an item embedded from features), popularity
    (a user about whom nothing is known: the most popular items). `rules` say what else may stand in a list.

        model = tracking.model_of(tracking.find("latest"))
        lists = pl.concat(recommend(extend_model(model, new_items=films, history=views), k=20))
    """
    extended = model if isinstance(model, ExtendedModel) else extend_model(model)
    model = extended.model
    wanted = model.user_ids.ids if users is None else users.unique().sort()
    rows = model.user_ids.to_rows(wanted)
    known = torch.from_numpy(rows.drop_nulls().sort().to_numpy(writable=True)).long()  # [n] ascending
    by_popularity = extended.user_source[known] == POPULARITY  # [n]
    popularity = Scorer(torch.ones(len(model.user_ids), 1).to(model.popularity), model.popularity[:, None])
    shown = model.lists_seen if include_seen is None else include_seen
    seen, rules = None if shown else model.known, rules or ResolvedRules()
    for scorer, some in ((extended.ranker, known[~by_popularity]), (popularity, known[by_popularity])):
        for chunk, items, scores in select_top_k(scorer, some, k, seen, rules):
            chunk = chunk.cpu()
            ids = model.user_ids.to_ids(pl.Series(chunk.numpy()))
            yield to_frame(extended, ids, items.cpu(), scores.cpu(), extended.user_source[chunk])
    unknown = wanted.filter(rows.is_null())
    if unknown.is_empty():
        return
    order, best = rank_for_anybody(model, k, rules)  # [k], [k]
    for start in range(0, len(unknown), UNKNOWN_USERS):
        ids = unknown[start : start + UNKNOWN_USERS]
        source = torch.full((len(ids),), POPULARITY)
        yield to_frame(extended, ids, order.expand(len(ids), -1), best.expand(len(ids), -1), source)


def rank_for_anybody(model: Model, k: int, rules: ResolvedRules) -> tuple[Tensor, Tensor]:
    """The most popular items that the rules allow, for users who are not known: items [k], scores [k]."""
    popularity = model.popularity.cpu()[:, None]  # [I, 1]
    nobody = UserItemCSR(torch.zeros(2, dtype=torch.long), torch.zeros(0, dtype=torch.long), len(popularity))
    of_all = replace(rules, exclude=None, candidates=None, past=nobody).to(torch.device("cpu"))
    one = Scorer(torch.ones(1, 1).to(popularity), popularity)
    ((_, items, scores),) = select_top_k(one, torch.zeros(1, dtype=torch.long), k, None, of_all)
    return items[0], scores[0]


def to_frame(extended: ExtendedModel, users: pl.Series, items: Tensor, scores: Tensor, source: Tensor) -> pl.DataFrame:
    """Lists [n, k] as rows; places without an item are left out. `source` [n] are the users' own."""
    k = items.shape[1]
    filled = (items >= 0).flatten()
    place = torch.arange(k).repeat(len(users))[filled]
    row = torch.arange(len(users)).repeat_interleave(k)[filled]
    item = items.flatten()[filled]
    weakest = torch.maximum(source[row], extended.item_source[item].to(source))
    return pl.DataFrame(
        {
            USER: users.gather(pl.Series(row.numpy())),
            ITEM: extended.model.item_ids.to_ids(pl.Series(item.numpy())),
            SCORE: scores.flatten()[filled].numpy(),
            RANK: (place + 1).to(torch.int32).numpy(),
            SOURCE: pl.Series(SOURCES).gather(pl.Series(weakest.numpy())),
        }
    )
