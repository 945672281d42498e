"""Negatives: which items a user's positive is contrasted with."""

from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.settings import Settings


@dataclass(frozen=True)
class Drawn:
    """Negative items of a batch."""

    items: Tensor  # [M] shared by the batch, or [B, M] of each positive
    hidden: Tensor | None = None  # [B, M] True where an item is not a negative of that row
    log_q: Tensor | None = None  # [I] log of each item's chance to be drawn; None where all are alike


class NegativesSettings(Settings):
    """The config of a way to draw negatives."""

    def draw(self, batch: Batch, graph: Graph, generator: torch.Generator) -> Drawn:
        """Negative items for every row of the batch."""
        raise NotImplementedError
