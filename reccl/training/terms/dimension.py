"""Dimension: how many components an encoder's embeddings have."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.views import Plain

if TYPE_CHECKING:
    from reccl.encoders import Encoder


def find_dimension(encoder: Encoder, graph: Graph, generator: torch.Generator) -> int:
    """Components of the embedding of user 0 (D)."""
    with torch.no_grad():
        row = torch.zeros(1, dtype=torch.long, device=graph.device)
        return int(encoder(Plain().sample(graph, generator)).users(row).shape[1])
