"""Embedding scorer: similarity of a user's and an item's embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.tower import Towers
from reccl.lazy import torch
from reccl.losses.similarity import PairSimilarity, at_least_float32, normalize_for
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor


class EmbeddingScorer(ScorerSettings):
    """score(u, i) = e_u . e_i, their cosine, or -|e_u - e_i|^2, for an encoder that was trained with that distance.

    Training with cosines and scoring with inner products is a published combination (BSL, Wu et al., ICDE 2024;
    https://arxiv.org/abs/2312.12882). Our explanation: in-batch negatives teach a user's taste without popularity, and
    the lengths of LightGCN's embeddings, which grow with degree, add popularity back.

    The distance is an inner product, too, so that search and export deal with one kind of scorer:
    -|e_u - e_i|^2 = [2 e_u ; -|e_u|^2 ; 1] . [e_i ; 1 ; -|e_i|^2].

    `popularity` adds c log degree(i), one more component. It is for a softmax that was trained with candidates
    weighted by degree^p (`full_softmax` with popularity p; in-batch negatives without logQ are p = 1): its logits learn
    log p(i | u) - p log degree(i), and c = p * temperature gives back to cosines the popularity that training removed.
    On Gowalla that ranks a tenth better than inner products of the same embeddings (docs/results.md).
    """

    kind: Literal["embedding"] = "embedding"
    similarity: PairSimilarity = "dot"
    """Inner product, cosine, or the negative squared distance (euclidean)."""
    popularity: float = 0.0
    """Weight c of the logarithm of an item's training interactions (at least one), added to the similarity."""

    @override
    def needs_embeddings(self) -> bool:
        return True

    @override
    def towers(self, embeddings: Embeddings) -> Towers:
        if self.popularity or self.similarity == "euclidean":
            return Towers()
        users, items = (
            tower and replace(tower, unit_norm=self.similarity == "cosine")
            for tower in (embeddings.towers.users, embeddings.towers.items)
        )
        return Towers(users, items)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        assert embeddings is not None, "an embedding scorer needs an encoder"
        users, items = embeddings.users(None).detach(), embeddings.items(None).detach()
        if self.similarity == "euclidean":
            users, items = distance_embeddings(users, items)
        else:
            users, items = normalize_for(users, self.similarity), normalize_for(items, self.similarity)
        if self.popularity:
            bonus = self.popularity * graph.item_degree.clamp(min=1).to(items).log()  # [I]
            users = torch.cat([users, torch.ones_like(users[:, :1])], 1)  # [U, D + 1]
            items = torch.cat([items, bonus[:, None]], 1)  # [I, D + 1]
        return Scorer(users, items)


def distance_embeddings(users: Tensor, items: Tensor) -> tuple[Tensor, Tensor]:
    """Embeddings whose inner products are negative squared distances: [U, D], [I, D] -> [U, D + 2], [I, D + 2].

    >>> users, items = distance_embeddings(torch.tensor([[0.0, 0.0]]), torch.tensor([[3.0, 4.0], [0.0, 1.0]]))
    >>> users @ items.T
    tensor([[-25.,  -1.]])
    """
    users, items = at_least_float32(users), at_least_float32(items)
    of_users, of_items = (-x.square().sum(1, keepdim=True) for x in (users, items))  # [U, 1], [I, 1]
    ones = torch.ones_like(of_items)
    return torch.cat([2 * users, of_users, torch.ones_like(of_users)], 1), torch.cat([items, ones, of_items], 1)
