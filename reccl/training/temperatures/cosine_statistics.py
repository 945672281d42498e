"""Cosine statistics: how far the positives' cosines are above those of all pairs."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.data.graph import Graph
from reccl.encoders.encoder import Rows
from reccl.lazy import no_grad, torch
from reccl.losses.similarity import normalize_for

if TYPE_CHECKING:
    from torch import Tensor

EDGES = 1 << 18
"""Interactions whose embeddings are gathered at once."""


@dataclass(frozen=True)
class CosineStatistics:
    """Statistics of cosines at one moment."""

    separation: Tensor  # [] mean cosine of the positives - mean cosine of all pairs
    log_odds: float  # log( pairs / (2 positives) )


@no_grad
def measure_interactions(graph: Graph, users: Rows, items: Rows) -> CosineStatistics:
    """Users with items: the positives are the training interactions, E of U x I pairs."""
    x, y = normalize_for(users(None), "cosine"), normalize_for(items(None), "cosine")  # [U, D], [I, D]
    blocks = zip(graph.user.split(EDGES), graph.item.split(EDGES), strict=True)
    positive = torch.stack([(x[user] * y[item]).sum() for user, item in blocks]).sum() / len(graph.user)
    odds = graph.num_users * graph.num_items / (2 * len(graph.user))
    return CosineStatistics(positive - x.mean(0) @ y.mean(0), math.log(odds))


@no_grad
def measure_two_views(first: Rows, second: Rows) -> CosineStatistics:
    """One side in two views: the positives are each node with itself, n of n x n pairs."""
    x, y = normalize_for(first(None), "cosine"), normalize_for(second(None), "cosine")  # [n, D], [n, D]
    return CosineStatistics((x * y).sum(1).mean() - x.mean(0) @ y.mean(0), math.log(len(x) / 2))
