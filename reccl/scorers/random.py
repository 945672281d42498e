"""Random: a random list for every user."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.scorers.scorer import Scorer, ScorerSettings

DIMENSION = 32
"""Components of the random vectors."""


class Random(ScorerSettings):
    """Inner products of random vectors: what chance alone gives. The same lists for equal seeds."""

    kind: Literal["random"] = "random"
    seed: int = 0
    """Seed of the vectors; `--seeds` varies `seed` of the config, not this one."""

    @override
    def learns(self) -> bool:
        return False

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        generator = torch.Generator().manual_seed(self.seed)
        users = torch.randn(graph.num_users, DIMENSION, generator=generator)
        items = torch.randn(graph.num_items, DIMENSION, generator=generator)
        return Scorer(users.to(graph.device), items.to(graph.device))
