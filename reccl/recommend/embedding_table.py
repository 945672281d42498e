"""Embedding table: ids beside their vectors."""

import polars as pl
from torch import Tensor

from reccl.errors import RecclError


def to_embedding_table(name: str, ids: pl.Series, vectors: Tensor, model: str) -> pl.DataFrame:
    """Ids [n] in a column of that name, and `vector`, arrays of the D numbers of [n, D].

    Raises RecclError where D is 0; `model` is what the reader calls it.

    >>> import torch
    >>> to_embedding_table("user", pl.Series(["ann"]), torch.ones(1, 2), "model").row(0)
    ('ann', [1.0, 1.0])
    """
    if not vectors.shape[1]:
        raise RecclError(f"{model} has no embeddings: it ranks by item-item matrices; use recommend or score")
    array = pl.Series("vector", vectors.float().cpu().numpy(), dtype=pl.Array(pl.Float32, vectors.shape[1]))
    return pl.DataFrame([ids.alias(name), array])
