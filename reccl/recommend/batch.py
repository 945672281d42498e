"""Batch: recommendations for many users as a stream of tables in raw ids."""

from collections.abc import Iterator

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, RANK, SCORE, SOURCE, USER
from reccl.evaluation import top_k
from reccl.recommend.extended import POPULARITY, SOURCES, Extended, extend
from reccl.recommend.model import Model
from reccl.recommend.newcomers import Note
from reccl.scorers import Scorer


def recommend(
    model: Model,
    users: pl.Series | None,
    k: int,
    *,
    include_seen: bool = False,
    new_users: pl.DataFrame | None = None,
    new_items: pl.DataFrame | None = None,
    history: pl.DataFrame | None = None,
    note: Note = lambda _: None,
) -> Iterator[pl.DataFrame]:
    """The k best items of every user, a chunk of users at a time, sorted by user and rank.

    Columns: user, item (raw ids), score, rank (1 is best), source. `users` None means all, new ones too. Items that a
    user is known to have are left out unless `include_seen`; where fewer than k are left, the list is shorter. A user
    asked for twice is listed once. Known users come first, then new ones, then those listed by popularity.

    Without any training, `new_items` (item and features) stand in every list, and `new_users` (user and features) and
    the users of `history` (user and item: interactions since the training) get lists of their own; see `extend`, which
    checks the tables before the first list is made. `source` is what a row's score rests on, the weakest part of it:
    model (a trained user and a trained item), fold_in (a user placed, or moved, by the items of `history`), content
    (a user or an item placed by features), popularity (a user of whom nothing is known: the most popular items).

        model = tracking.model_of(tracking.find("latest"))
        lists = pl.concat(recommend(model, None, 20, new_items=films, history=views))
    """
    extended = extend(model, new_users, new_items, history, note)
    return lists(extended, users, k, include_seen=include_seen)


def lists(extended: Extended, users: pl.Series | None, k: int, *, include_seen: bool = False) -> Iterator[pl.DataFrame]:
    """See `recommend`: the lists of a model that has its newcomers already."""
    model = extended.model
    wanted = model.user_ids.ids if users is None else users.unique().sort()
    rows = model.user_ids.to_rows(wanted)
    known = torch.from_numpy(rows.drop_nulls().sort().to_numpy(writable=True)).long()  # [n] ascending
    placed = known[extended.user_source[known] != POPULARITY]
    hidden = None if include_seen else model.known
    for chunk, items, scores in top_k(model.scorer, placed, k, hidden):
        chunk = chunk.cpu()
        ids = model.user_ids.to_ids(pl.Series(chunk.numpy()))
        yield table(extended, ids, items.cpu(), scores.cpu(), extended.user_source[chunk])
    popular = Scorer(torch.ones(len(model.user_ids), 1).to(model.popularity), model.popularity[:, None])
    unplaced = known[extended.user_source[known] == POPULARITY]
    for chunk, items, scores in top_k(popular, unplaced, k, hidden) if len(unplaced) else ():
        ids = model.user_ids.to_ids(pl.Series(chunk.cpu().numpy()))
        yield table(extended, ids, items.cpu(), scores.cpu(), torch.full((len(ids),), POPULARITY))
    strangers = wanted.filter(rows.is_null())
    best, order = torch.topk(model.popularity.cpu(), min(k, len(model.item_ids)))  # [k]
    for start in range(0, len(strangers), 100_000):
        some = strangers[start : start + 100_000]
        source = torch.full((len(some),), POPULARITY)
        yield table(extended, some, order.expand(len(some), -1), best.expand(len(some), -1), source)


def table(extended: Extended, users: pl.Series, items: Tensor, scores: Tensor, source: Tensor) -> pl.DataFrame:
    """Lists [n, k] as rows; places without an item are left out. `source` [n] are the users' own."""
    k = items.shape[1]
    kept = (items >= 0).flatten()
    place = torch.arange(k).repeat(len(users))[kept]
    row = torch.arange(len(users)).repeat_interleave(k)[kept]
    item = items.flatten()[kept]
    rests_on = torch.maximum(source[row], extended.item_source[item].to(source))
    return pl.DataFrame(
        {
            USER: users.gather(pl.Series(row.numpy())),
            ITEM: extended.model.item_ids.to_ids(pl.Series(item.numpy())),
            SCORE: scores.flatten()[kept].numpy(),
            RANK: (place + 1).to(torch.int32).numpy(),
            SOURCE: pl.Series(SOURCES).gather(pl.Series(rests_on.numpy())),
        }
    )
