"""In batch: the positives of the other rows are the negatives."""

from __future__ import annotations

from typing import Literal

from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.negatives.negatives import NegativeSample, NegativesSettings, shared_mask


class InBatch(NegativesSettings):
    """Every other row's positive item, free of charge. An item is sampled in proportion to its popularity.

    Rows with the same item as the positive are masked: the item would have to score below itself. Other items that the
    row's user is known to like stay negatives, as published; `mask_known` masks them too.
    """

    kind: Literal["in_batch"] = "in_batch"
    mask_known: bool = False
    """Mask all items that the row's user is known to like, not only the row's own positive."""

    @override
    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        log_q = (graph.item_degree.clamp(min=1) / len(graph.user)).log()  # [I]
        return NegativeSample(batch.item, shared_mask(batch, batch.item, graph, self.mask_known), log_q)
