"""Node drop: every node loses all its edges with one probability."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.data.graph_memory import dropped_memory
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.views.view import View, ViewSettings


class NodeDrop(ViewSettings):
    """SGL-ND: drop each node, with all its edges, with probability `rate`, then normalize what remains.

    Self-supervised Graph Learning for Recommendation, Wu et al., SIGIR 2021, eq. 3: s(G) = (M * V, E), M in {0, 1}^N;
    https://arxiv.org/abs/2010.10783. One mask for all layers. A dropped node keeps its own layer-0 embedding.

    Where we differ: each user and item is dropped independently (Bernoulli), while the authors' code draws exactly
    rate U users and rate I items without replacement; the expectation is the same.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = NodeDrop(rate=0.3).sample(graph, torch.Generator().manual_seed(0))
    >>> view.matrices[0].edges  # sender and receiver: item 1 (node 4) and its two users are left
    tensor([[4, 4, 0, 1],
            [0, 1, 4, 4]])
    """

    kind: Literal["node_drop"] = "node_drop"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a node is dropped."""

    @override
    def needs_one_process(self) -> str | None:
        return None

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        return dropped_memory(sizes, self.rate, matrices=1)

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        dropped = torch.rand(graph.num_nodes, generator=generator, device=graph.device) < self.rate  # [N]
        users, items = dropped.split([graph.num_users, graph.num_items])  # [U], [I]
        return View((graph.drop_edges(users[graph.user] | items[graph.item]),))
