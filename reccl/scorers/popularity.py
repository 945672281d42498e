"""Popularity: the same list for everybody, most trained-on items first."""

from typing import Literal

import torch

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.scorers.scorer import Scorer, ScorerSettings


class Popularity(ScorerSettings):
    """score(u, i) = number of training interactions of item i: the baseline that any model must beat."""

    kind: Literal["popularity"] = "popularity"

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """See `ScorerSettings.build`; as inner products, D = 1."""
        return Scorer(torch.ones(graph.num_users, 1, device=graph.device), graph.item_degree[:, None].float())
