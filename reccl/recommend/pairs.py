"""Pairs: scores of given pairs of user and item."""

import polars as pl
import torch

from reccl.data.columns import SCORE
from reccl.errors import DataError, did_you_mean, join_names
from reccl.recommend.model import Model

CHUNK = 1 << 24
"""Scores that are in memory at a time."""


def score_pairs(model: Model, table: pl.DataFrame, user: str, item: str) -> pl.DataFrame:
    """The table of pairs with a column `score`, null where user or item is unknown; see `Recommender.score`."""
    for column in (user, item):
        if column not in table.columns:
            near = did_you_mean(column, table.columns)
            raise DataError(f"the pairs have no column {column!r}{near}; there are: {join_names(table.columns)}")
    model.user_ids.require_match(table[user].drop_nulls(), "no user of the pairs is known")
    model.item_ids.require_match(table[item].drop_nulls(), "no item of the pairs is known")
    rows = pl.DataFrame(
        {"row": model.user_ids.to_rows(table[user]), "column": model.item_ids.to_rows(table[item])}
    ).with_row_index("place")
    known = rows.drop_nulls().sort("row", maintain_order=True)
    asked, place = torch.unique_consecutive(integers(known["row"]), return_inverse=True)  # [u], [P]
    columns, found = integers(known["column"]), torch.empty(known.height)  # [P], [P]
    ranker = model.ranker
    size = max(1, CHUNK // max(1, len(model.item_ids)))
    for start in range(0, len(asked), size):
        scores = ranker.scores(asked[start : start + size])  # [b, I]
        inside = (place >= start) & (place < start + size)  # [P]
        found[inside] = scores[place[inside] - start, columns[inside]].float()
    scored = known.select("place").with_columns(pl.Series(SCORE, found.numpy()))
    return table.with_columns(rows.join(scored, on="place", how="left", maintain_order="left")[SCORE])


def integers(column: pl.Series) -> torch.Tensor:
    """A column of whole numbers, [n]."""
    return torch.from_numpy(column.to_numpy(writable=True)).long()
