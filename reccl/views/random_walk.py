"""Random walk: another draw of dropped edges at every layer."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class RandomWalk(ViewSettings):
    """SGL-RW: edge drop with a mask of its own for each layer, so that every node sees its own random sub-graph.

    Self-supervised Graph Learning for Recommendation, Wu et al., SIGIR 2021, eq. 5: s(G) = (V, M^(l) * E);
    https://arxiv.org/abs/2010.10783.
    """

    kind: Literal["random_walk"] = "random_walk"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that an edge is dropped at a layer."""
    layers: Annotated[int, Field(ge=1)] = 3
    """Masks that are drawn; layers beyond that use the last. As many as the encoder has layers."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        draws = torch.rand(self.layers, len(graph.user), generator=generator, device=graph.device)  # [L, E]
        return View(tuple(graph.drop_edges(draw < self.rate) for draw in draws))
