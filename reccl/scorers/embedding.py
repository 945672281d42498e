"""Embedding scorer: similarity of a user's and an item's embedding."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.tower import Towers
from reccl.lazy import functional, torch
from reccl.losses.similarity import PairSimilarity, at_least_float32, normalize_for
from reccl.memory import ENCODER, Need, Sizes
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

    `neighbors` a smooths the trained embeddings by one hop over the training graph, with A its normalized adjacency:

    e' = n(n(e) + a n(A n(e))),   n(e) = e / |e|

    That convolutions matter after training, not in it, is what LightGODE found (Zhang et al., CIKM 2024;
    https://arxiv.org/abs/2407.18910). Where we differ: one hop in place of an integral over hops, on directions, so
    that a is a share and not a scale. A node without training interactions stays as it is.
    """

    kind: Literal["embedding"] = "embedding"
    similarity: PairSimilarity = "dot"
    """Inner product, cosine, or the negative squared distance (euclidean)."""
    neighbors: Annotated[float, Field(ge=0)] = 0.0
    """Weight a of a node's neighbors beside itself; needs similarity cosine."""
    popularity: float = 0.0
    """Weight c of the logarithm of an item's training interactions (at least one), added to the similarity."""

    @model_validator(mode="after")
    def _directions(self) -> Self:
        """Neighbors are added to directions, which a cosine compares."""
        if self.neighbors and self.similarity != "cosine":
            raise ValueError(f"neighbors={self.neighbors:g} needs similarity=cosine, not {self.similarity}")
        return self

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
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """What the encoder gives, for users and for items, and one more table for each of directions, popularity and
        neighbors, of which the last stays.
        """
        tables = (self.similarity != "dot") + (self.popularity != 0) + 2 * (self.neighbors > 0)
        return (Need("", sizes.table(), (1 + tables) * sizes.table(), (ENCODER,)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        assert embeddings is not None, "an embedding scorer needs an encoder"
        users, items = embeddings.users(None).detach(), embeddings.items(None).detach()
        if self.similarity == "euclidean":
            users, items = distance_embeddings(users, items)
        else:
            users, items = normalize_for(users, self.similarity), normalize_for(items, self.similarity)
        if self.neighbors:
            users, items = add_neighbors(graph, users, items, self.neighbors)
        if self.popularity:
            bonus = self.popularity * graph.item_degree.clamp(min=1).to(items).log()  # [I]
            users = torch.cat([users, torch.ones_like(users[:, :1])], 1)  # [U, D + 1]
            items = torch.cat([items, bonus[:, None]], 1)  # [I, D + 1]
        return Scorer(users, items)


def add_neighbors(graph: Graph, users: Tensor, items: Tensor, weight: float) -> tuple[Tensor, Tensor]:
    """Directions [U, D] and [I, D] with those of their neighbors' sum added: n(e + weight n(A e)).

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0], "item": [0]}), 1, 2)
    >>> users, items = add_neighbors(graph, torch.tensor([[1.0, 0.0]]), torch.eye(2), 1.0)
    >>> users, items  # user 0 and item 0 are the same already, item 1 has no neighbor
    (tensor([[1., 0.]]), tensor([[1., 0.],
            [0., 1.]]))
    """
    nodes = torch.cat([users, items])  # [N, D]
    smoothed = functional.normalize(nodes + weight * functional.normalize(graph.adjacency @ nodes))  # [N, D]
    return smoothed[: len(users)], smoothed[len(users) :]


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
