"""Negatives: which items a user's positive is contrasted with."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses import IdListMask, IdMask, Mask, Pairs, SameIdMask
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class NegativeSample:
    """Negative items of a batch."""

    items: Tensor  # [M] shared by the batch, or [B, M] of each positive
    mask: Mask = None  # [B, M] True where an item is not a negative of that row
    log_q: Tensor | None = None  # [I] log of each item's probability of being sampled; None where all are equal


class NegativesSettings(Settings):
    """The config of a way to sample negatives."""

    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        """Negative items for every row of the batch. The generator is on the graph's device."""
        raise NotImplementedError

    def count(self, batch: int) -> tuple[int, int]:
        """Negatives of a batch of so many interactions: how many are embedded, and how many each is contrasted with; by
        default the batch's own.
        """
        return batch, batch

    def select(self, pairs: Pairs) -> Pairs:
        """Called once the sampled items are embedded: the pairs that the loss sees, by default all."""
        return pairs


def require_pool(negatives: NegativesSettings) -> NegativesSettings:
    """Raise ValueError for negatives that select by score, such as `hard`."""
    if type(negatives).select is not NegativesSettings.select:
        raise ValueError("all sampled negatives are used here: give the pool of kind=hard itself, uniform for example")
    return negatives


def shared_mask(batch: Batch, items: Tensor, graph: Graph, mask_known: bool) -> IdMask:
    """Mask candidates [M] of the whole batch: each row's own positive, or with `mask_known` all items that its user has
    in training.
    """
    if not mask_known:
        return SameIdMask(batch.item, items)
    anchor, known = graph.user_items.gather_pairs(batch.user)  # [P], [P]
    return IdListMask(anchor, known, len(batch), items)


def redraw_known(sample: Callable[[], Tensor], batch: Batch, graph: Graph, redraws: int) -> tuple[Tensor, Tensor]:
    """Items [B, M] from `sample`, those that the row's user has in training redrawn a few times, and the mask [B, M] of
    those that still are known.
    """
    items, user = sample(), batch.user[:, None]  # [B, M], [B, 1]
    for _ in range(redraws):
        items = torch.where(graph.has_edge(user, items), sample(), items)
    return items, graph.has_edge(user, items)
