"""Edge drop: every edge is left out with one probability."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class EdgeDrop(ViewSettings):
    """SGL-ED: drop each undirected edge with probability `rate`, then normalize what remains by its own degrees.

    Self-supervised Graph Learning for Recommendation, Wu et al., SIGIR 2021, eq. 4: s(G) = (V, M * E),
    M in {0, 1}^|E|; https://arxiv.org/abs/2010.10783. One mask for all layers.

    Where we differ: each edge is drawn independently (Bernoulli), while the authors' code keeps exactly
    floor((1 - rate) |E|) edges; the expectation is the same. The draw, the degrees and the matrix are made on the
    graph's device.
    """

    kind: Literal["edge_drop"] = "edge_drop"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that an edge is dropped."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        draw = torch.rand(len(graph.user), generator=generator, device=graph.device)  # [E]
        return View((graph.drop_edges(draw < self.rate),))
