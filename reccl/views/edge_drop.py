"""Edge drop: every edge is dropped with one probability."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.graph_memory import dropped_memory
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.views.view import View, ViewSettings


class EdgeDrop(ViewSettings):
    """SGL-ED: drop each undirected edge with probability `rate`, then normalize what remains by its own degrees.

    Self-supervised Graph Learning for Recommendation, Wu et al., SIGIR 2021, eq. 4: s(G) = (V, M * E),
    M in {0, 1}^|E|; https://arxiv.org/abs/2010.10783. One mask for all layers.

    Where we differ: each edge is dropped independently (Bernoulli), while the authors' code keeps exactly
    floor((1 - rate) |E|) edges; the expectation is the same. The random numbers, the degrees and the matrix are
    computed on the graph's device.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = EdgeDrop(rate=0.5).sample(graph, torch.Generator().manual_seed(1))
    >>> view.matrices[0].edges  # sender and receiver, each edge that is left in both directions
    tensor([[3, 5, 0, 2],
            [0, 2, 3, 5]])
    """

    kind: Literal["edge_drop"] = "edge_drop"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that an edge is dropped."""

    @override
    def needs_one_process(self) -> str | None:
        return None

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return dropped_memory(sizes, self.rate, matrices=1)

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        random = torch.rand(len(graph.user), generator=generator, device=graph.device)  # [E]
        return View((graph.drop_edges(random < self.rate),))
