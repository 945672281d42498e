"""Scorer: what ranks items for users once training is over."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.settings import Settings


@dataclass(frozen=True)
class Scorer:
    """Scores are inner products of two dense tables."""

    users: Tensor  # [U, D]
    items: Tensor  # [I, D]

    def scores(self, rows: Tensor, out: Tensor | None = None) -> Tensor:
        """Scores of every item for the users at `rows`: [B] -> [B, I], written to `out` where given."""
        return torch.mm(self.users[rows], self.items.T, out=out)


class ScorerSettings(Settings):
    """The config of a scorer."""

    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        """The scorer, from training rows and trained embeddings."""
        raise NotImplementedError
