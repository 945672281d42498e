"""Random walk: other dropped edges at every layer."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.graph_memory import dropped_memory
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.views.view import View, ViewSettings


class RandomWalk(ViewSettings):
    """SGL-RW: edge drop with a mask of its own for each layer, so that every node sees its own random sub-graph.

    Self-supervised Graph Learning for Recommendation, Wu et al., SIGIR 2021, eq. 5: s(G) = (V, M^(l) * E);
    https://arxiv.org/abs/2010.10783. Every layer normalizes what it keeps by its own degrees, as in the authors' code.

    Where we differ: each edge is dropped independently (Bernoulli), while the authors' code keeps exactly
    floor((1 - rate) |E|) edges at every layer; the expectation is the same.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = RandomWalk(rate=0.5, layers=2).sample(graph, torch.Generator().manual_seed(0))
    >>> [matrix.edges.shape[1] // 2 for matrix in view.matrices]  # edges that are left at each layer
    [1, 2]
    """

    kind: Literal["random_walk"] = "random_walk"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that an edge is dropped at a layer."""
    layers: Annotated[int, Field(ge=1)] = 3
    """Masks that are sampled; further layers use the last. As many as the encoder has layers."""

    @override
    def needs_one_process(self) -> str | None:
        return None

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return dropped_memory(sizes, self.rate, matrices=self.layers)

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        random = torch.rand(self.layers, len(graph.user), generator=generator, device=graph.device)  # [L, E]
        return View(tuple(graph.drop_edges(layer < self.rate) for layer in random))
