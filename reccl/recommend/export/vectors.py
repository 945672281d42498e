"""Vectors: one of every user, one of every item, and their inner product is the score."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import polars as pl

from reccl.cold_start.sources import MODEL, POPULARITY, Sources
from reccl.data.columns import ITEM, USER
from reccl.errors import RecclError
from reccl.lazy import torch
from reccl.recommend.model import Model

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Vectors:
    """What is exported."""

    users: Tensor  # [U, D] float32
    items: Tensor  # [I', D] float32, of the items about which something is known
    user_ids: pl.Series  # [U]
    item_ids: pl.Series  # [I']
    whole: bool  # inner products are the scores; else the model's item-item matrices are missing from them
    left_out: int  # items about which nothing is known

    @classmethod
    def of(cls, model: Model) -> Vectors:
        """The vectors of a model.

        Popularity, where the model has it, is a component; users about whom nothing is known get the vector that ranks
        by popularity. Items about which nothing is known would stand last in every list, and are left out. Raises
        RecclError for a model that ranks by item-item matrices alone.
        """
        if not model.scorer.item_embeddings.shape[1]:
            raise RecclError(
                "this model has no vectors: it ranks by item-item matrices (EASE, item-kNN, filters); "
                "train one with an encoder or SVD, or write its lists with reccl recommend"
            )
        known = (model.sources.items != POPULARITY).cpu()  # [I]
        sources = Sources(model.sources.users, torch.full_like(model.sources.items, MODEL))
        ranker = replace(model, sources=sources).ranker
        return cls(
            ranker.user_embeddings.float().cpu().contiguous(),
            ranker.item_embeddings.float().cpu()[known].contiguous(),
            model.user_ids.ids.alias(USER),
            model.item_ids.ids.filter(pl.Series(known.numpy())).alias(ITEM),
            whole=not model.scorer.item_operators,
            left_out=int((~known).sum()),
        )

    @property
    def dimension(self) -> int:
        """D."""
        return self.items.shape[1]
