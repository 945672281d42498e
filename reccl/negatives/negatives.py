"""Negatives: which items a user's positive is contrasted with."""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.losses import Listed, Pairs, Same
from reccl.settings import Settings


@dataclass(frozen=True)
class Drawn:
    """Negative items of a batch."""

    items: Tensor  # [M] shared by the batch, or [B, M] of each positive
    hidden: Tensor | Same | Listed | None = None  # [B, M] True where an item is not a negative of that row
    log_q: Tensor | None = None  # [I] log of each item's chance to be drawn; None where all are alike


class NegativesSettings(Settings):
    """The config of a way to draw negatives."""

    def draw(self, batch: Batch, graph: Graph, generator: torch.Generator) -> Drawn:
        """Negative items for every row of the batch."""
        raise NotImplementedError

    def keep(self, pairs: Pairs) -> Pairs:
        """The drawn negatives that a loss sees once their embeddings are known: all, unless a way to draw chooses."""
        return pairs


def shared_mask(batch: Batch, items: Tensor, graph: Graph, hide_known: bool) -> Same | Listed:
    """What no row is contrasted with, of candidates [M] of the whole batch: its positive, or all that its user likes.

    Where a user has a training interaction with an item, that item is known to be liked.
    """
    if not hide_known:
        return Same(batch.item, items)
    place, known = graph.user_items.pairs(batch.user)  # [P], [P]
    return Listed(place, known, len(batch), items)


def unknown(draw: Callable[[], Tensor], batch: Batch, graph: Graph, redraws: int) -> tuple[Tensor, Tensor]:
    """Items [B, M] from `draw`, those that the row's user is known to like drawn anew, and which still are known."""
    items, user = draw(), batch.user[:, None]  # [B, M], [B, 1]
    for _ in range(redraws):
        items = torch.where(graph.has(user, items), draw(), items)
    return items, graph.has(user, items)
