"""Plain: the whole graph, unperturbed."""

from typing import Literal

import torch

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class Plain(ViewSettings):
    """All edges. What is scored with, and what the ranking loss looks at unless told otherwise."""

    kind: Literal["plain"] = "plain"

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """See `ViewSettings.sample`; nothing is random here."""
        return View((graph.adjacency,))
