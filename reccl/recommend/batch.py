"""Batch: recommendations for many users as a stream of tables in raw ids."""

from collections.abc import Iterator

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, RANK, SCORE, SOURCE, USER
from reccl.evaluation import top
from reccl.recommend.model import Model


def recommend(model: Model, users: pl.Series | None, k: int, *, include_seen: bool = False) -> Iterator[pl.DataFrame]:
    """The k best items of every user, a chunk of users at a time, sorted by user and rank.

    Columns: user, item (raw ids), score, rank (1 is best), source. `users` None means all; unknown users get the most
    popular items and source 'popularity', everybody else 'model'. Items that a user is known to have are left out
    unless `include_seen`; where fewer than k are left, the list is shorter. A user asked for twice is listed once.
    """
    wanted = model.users.ids if users is None else users.unique().sort()
    rows = model.users.rows(wanted)
    strangers = wanted.filter(rows.is_null())
    known = torch.from_numpy(rows.drop_nulls().to_numpy(writable=True)).long()  # [n] ascending, as raw ids are
    hidden = None if include_seen else model.known
    for chunk, items, scores in top(model.scorer, known, k, hidden):
        yield table(model, model.users.raw(pl.Series(chunk.cpu().numpy())), items, scores, "model")
    if len(strangers):
        best, order = torch.topk(model.popularity, min(k, len(model.items)))  # [k]
        for start in range(0, len(strangers), 100_000):
            some = strangers[start : start + 100_000]
            yield table(model, some, order.expand(len(some), -1), best.expand(len(some), -1), "popularity")


def table(model: Model, users: pl.Series, items: Tensor, scores: Tensor, source: str) -> pl.DataFrame:
    """Lists [n, k] as rows; places without an item are left out."""
    k = items.shape[1]
    kept = (items >= 0).flatten().cpu()
    place = torch.arange(k).repeat(len(users))[kept]
    row = torch.arange(len(users)).repeat_interleave(k)[kept]
    return pl.DataFrame(
        {
            USER: users.gather(pl.Series(row.numpy())),
            ITEM: model.items.raw(pl.Series(items.flatten().cpu()[kept].numpy())),
            SCORE: scores.flatten().cpu()[kept].numpy(),
            RANK: (place + 1).to(torch.int32).numpy(),
        }
    ).with_columns(pl.lit(source).alias(SOURCE))
