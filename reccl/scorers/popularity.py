"""Popularity: the same list for every user, items with most training interactions first."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.scorers.scorer import Scorer, ScorerSettings


class Popularity(ScorerSettings):
    """score(u, i) = number (or weight) of training interactions of item i: the baseline that any model must beat.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 1, 1], "item": [2, 2, 0]}), 2, 3)
    >>> Popularity().build(graph, None).scores(torch.tensor([0]))
    tensor([[1., 0., 2.]])
    """

    kind: Literal["popularity"] = "popularity"

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        users = torch.ones(graph.num_users, 1, device=graph.device)  # D = 1
        return Scorer(users, graph.item_strength[:, None].float())
