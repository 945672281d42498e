"""Mixed: the batch's other items, and some from the whole catalog."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.negatives.negatives import NegativeSample, NegativesSettings, shared_mask
from reccl.negatives.random_negatives import pool_size


class Mixed(NegativesSettings):
    """Mixed Negative Sampling for Learning Two-tower Neural Networks in Recommendations, Yang et al., WWW 2020;
    https://doi.org/10.1145/3366424.3386195.

    The B items of the batch, sampled by popularity, and `number` uniform ones, all shared by the batch:
    q(i) = (B degree_i / E + number / I) / (B + number). In-batch negatives alone rarely include an unpopular item,
    whose score is then unconstrained; the uniform part includes it. Use a loss with `popularity_correction`.

    The row's own positive is masked wherever it occurs.
    """

    kind: Literal["mixed"] = "mixed"
    number: Annotated[int, Field(ge=1)] = 1024
    """Uniform items beside those of the batch (B')."""
    ratio: Annotated[float, Field(gt=0)] | None = None
    """Uniform items per row of the batch, instead of `number`; empty: `number`."""
    mask_known: bool = False
    """Mask all items that the row's user is known to like, not only the row's own positive."""

    @override
    def count(self, batch: int) -> tuple[int, int]:
        all_of_them = batch + pool_size(self.number, self.ratio, batch)
        return all_of_them, all_of_them

    @override
    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        number = pool_size(self.number, self.ratio, len(batch))
        uniform = torch.randint(graph.num_items, (number,), generator=generator, device=graph.device)
        items = torch.cat([batch.item, uniform])  # [B + number]
        popularity = graph.item_degree / max(len(graph.user), 1)  # [I] probability of a place of the batch
        q = (len(batch) * popularity + number / graph.num_items) / len(items)  # [I]
        return NegativeSample(items, shared_mask(batch, items, graph, self.mask_known), q.log())
