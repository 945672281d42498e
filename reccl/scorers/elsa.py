"""ELSA: a shallow linear autoencoder whose item-item matrix is that of cosines between trained item vectors."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.memory import FLOAT, Need, Sizes
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor


class Elsa(ScorerSettings):
    """Scalable Linear Shallow Autoencoder for Collaborative Filtering, Vancura et al., RecSys 2022, eq. 3 to 5;
    https://doi.org/10.1145/3523227.3551482.

    B = A A' - 1,  |a_i| = 1,  min over A of  mean_u | x_u / |x_u| - y_u / |y_u| |^2,  y_u = B x_u,  s_u = A (A' x_u)

    A [I, D] are the item vectors, x_u [I] the user's training row, binary or of the weights. The rows of length one
    keep the diagonal of B at 0, as EASE does by its constraint, in memory of I x D in place of I x I. A is trained by
    Nadam on batches of users. It starts as N(0, 1 / D).

    Where we differ: y_u is never computed. With h = A' x and G = A'A, the loss is 2 - 2 (|h|^2 - |x|^2) / (|x| |y|),
    |y|^2 = h'G h - 2 |h|^2 + |x|^2, exactly, in I x D^2 operations a batch in place of as many times I x D as it has
    users. The scores leave out "- x_u", which changes those of a user's own items alone, so that users and items have
    vectors, A' x_u and a_i, with which they are searched and exported.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 1, 2], "item": [0, 1, 0, 1, 0]})
    >>> graph = Graph.from_interactions(rows, 3, 3)  # 3 users, 3 items
    >>> scorer = Elsa(dimension=4, epochs=50).build(graph, None)
    >>> scorer.scores(torch.tensor([2]))[0, 1:].argmax().item()  # user 2 has item 0, others 0 and 1
    0
    """

    kind: Literal["elsa"] = "elsa"
    dimension: Annotated[int, Field(ge=1)] = 256
    """Components of an item vector (r)."""
    epochs: Annotated[int, Field(ge=1)] = 10
    """Times that every user is seen."""
    batch_size: Annotated[int, Field(ge=1)] = 1024
    """Users in a batch."""
    learning_rate: Annotated[float, Field(gt=0)] = 0.1
    """Step size of Nadam at the start; it falls to 0 along a cosine."""
    seed: int = 0
    """Seed of the first vectors and of the order of users; `--seeds` varies `seed` of the config, not this one."""

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Vectors of both sides; and beside them those of the items with gradients and moments."""
        return (Need("", sizes.table(self.dimension), FLOAT * 6 * sizes.num_items * self.dimension, ("dimension",)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        generator, own = torch.Generator().manual_seed(self.seed), graph.user_items
        first = torch.randn(graph.num_items, self.dimension, generator=generator) * self.dimension**-0.5
        free = first.to(graph.device).requires_grad_()  # [I, D] A before its rows are scaled
        users = own.counts.nonzero().squeeze(1)  # [n]
        batches = -(-len(users) // self.batch_size)
        optimizer = torch.optim.NAdam([free], lr=self.learning_rate)
        schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, max(1, self.epochs * batches))
        with torch.enable_grad():
            for _ in range(self.epochs):
                order = torch.randperm(len(users), generator=generator).to(graph.device)
                for rows in users[order].split(self.batch_size):
                    optimizer.zero_grad()
                    reconstruction_loss(own.select_users(rows), torch.nn.functional.normalize(free, dim=1)).backward()
                    optimizer.step()
                    schedule.step()
        items = torch.nn.functional.normalize(free.detach(), dim=1)
        return Scorer(own.sum_vectors(items), items)


def reconstruction_loss(own: UserItemCSR, vectors: Tensor) -> Tensor:
    """The mean over users of |x / |x| - y / |y||^2, y = A A' x - x, for unit vectors A [I, D], without y: see `Elsa`.

    >>> own = UserItemCSR(torch.tensor([0, 2]), torch.tensor([0, 1]), num_items=2)
    >>> reconstruction_loss(own, torch.ones(2, 1))  # A A' x - x is x itself
    tensor(0.)
    """
    values = own.values
    projected = torch.nn.functional.embedding_bag(
        own.item, vectors, own.start[:-1], mode="sum", per_sample_weights=values
    )  # [b, D] h
    place = torch.repeat_interleave(torch.arange(len(own.counts), device=values.device), own.counts)  # [P]
    square = torch.zeros(len(own.counts), device=values.device).index_add(0, place, values.square())  # [b] |x|^2
    inner = projected.square().sum(1)  # [b] |h|^2 = x'A A'x
    output = ((projected @ (vectors.T @ vectors)) * projected).sum(1) - 2 * inner + square  # [b] |y|^2
    cosine = (inner - square) / (square * output.clamp(min=1e-6 * square)).sqrt()
    return (2 - 2 * cosine).mean()
