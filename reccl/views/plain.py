"""Plain: the whole graph, unperturbed."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.views.view import View, ViewSettings


class Plain(ViewSettings):
    """All edges, nothing random: what items are ranked with, and the default view of a ranking term.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = Plain().sample(graph, torch.Generator())
    >>> view.propagate(torch.eye(6), layer=0)[0]  # user 0 receives from items 0 and 1, of degrees 1 and 2
    tensor([0.0000, 0.0000, 0.0000, 0.7071, 0.5000, 0.0000])
    """

    kind: Literal["plain"] = "plain"

    @override
    def needs_one_process(self) -> str | None:
        return None

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        return View((graph.adjacency,))
