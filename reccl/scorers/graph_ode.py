"""Graph ODE: embeddings that were trained without a graph are carried over it once, when training is over."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Adjacency, Graph
from reccl.encoders import Embeddings
from reccl.lazy import torch
from reccl.losses.similarity import Similarity, at_least_float32, normalize_for
from reccl.memory import ENCODER, Need, Sizes
from reccl.scorers.scorer import Scorer, ScorerSettings

if TYPE_CHECKING:
    from torch import Tensor

Solver = Literal["euler", "rk4"]


class GraphODE(ScorerSettings):
    """LightGODE: Do We Really Need Graph Convolution During Training? Zhang et al., CIKM 2024;
    https://arxiv.org/abs/2407.18910. Continuous graph convolution after training, without parameters:

    dE/dt = A E + E_0,   E(0) = E_0,   and items are ranked by E(t)

    E_0 [N, D] holds what the encoder gives of users and items, A = D^-1/2 R D^-1/2 the normalized adjacency, t `time`.
    In closed form E(t) = sum over k of (t^k / k! + t^(k+1) / (k+1)!) A^k E_0: far hops fade, and a node stays near what
    was trained.

    Train matrix factorization with the loss `alignment_uniformity`, as the authors do: an epoch has no product with the
    graph, validation and ranking have `steps` (four times as many with rk4). Any other encoder will do, too.

    `steps` 1 and `solver` euler, the default, are the authors' code: E(t) = (1 + t) E_0 + t A E_0, since their solver
    is given no time between 0 and t. Smaller steps and rk4, Runge and Kutta's of fourth order, come nearer to the
    closed form. Nodes without training rows have no neighbors, and keep their direction.

    >>> import polars as pl
    >>> from reccl.encoders.encoder import lookup_in
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0], "item": [0]}), 1, 2)  # item 1 has no rows
    >>> user, items = lookup_in(torch.tensor([[1.0, 0.0]])), lookup_in(torch.tensor([[0.0, 1.0], [1.0, 0.0]]))
    >>> GraphODE(time=0.5).build(graph, Embeddings(user, items, user, items)).user_embeddings  # 1.5 own, .5 the item's
    tensor([[1.5000, 0.5000]])
    """

    kind: Literal["graph_ode"] = "graph_ode"
    time: Annotated[float, Field(ge=0)] = 1.8
    """How long embeddings move (t); 0 leaves them as they are."""
    steps: Annotated[int, Field(ge=1)] = 1
    """Steps of equal length from 0 to t."""
    solver: Solver = "euler"
    """Of first order (euler), or of fourth (rk4) at four products with the graph a step."""
    similarity: Similarity = "dot"
    """Inner product or cosine of the embeddings at t."""

    @override
    def needs_embeddings(self) -> bool:
        return True

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """What is moved, and beside it where it starts and the slopes of a step."""
        return (Need("", sizes.table(), (3 if self.solver == "euler" else 6) * sizes.table(), (ENCODER,)),)

    @override
    def build(self, graph: Graph, embeddings: Embeddings | None) -> Scorer:
        assert embeddings is not None, "a graph ODE scorer needs an encoder"
        nodes = torch.cat([embeddings.users(None).detach(), embeddings.items(None).detach()])  # [N, D]
        moved = solve_graph_ode(graph.adjacency, at_least_float32(nodes), self.time, self.steps, self.solver)
        users, items = normalize_for(moved, self.similarity).split([graph.num_users, graph.num_items])
        return Scorer(users, items)


def solve_graph_ode(adjacency: Adjacency, start: Tensor, time: float, steps: int, solver: Solver) -> Tensor:
    """E(time) of dE/dt = A E + E_0 from E_0 = `start`: [N, D] -> [N, D]."""

    def slope(x: Tensor) -> Tensor:
        return adjacency @ x + start

    x, length = start, time / steps
    for _ in range(steps):
        first = slope(x)  # [N, D]
        if solver == "euler":
            x = x + length * first
            continue
        second = slope(x + length / 2 * first)
        third = slope(x + length / 2 * second)
        x = x + length / 6 * (first + 2 * second + 2 * third + slope(x + length * third))
    return x
