"""Uniform: random items, all equally likely."""

from __future__ import annotations

import math
from functools import partial
from typing import Literal

from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.negatives.negatives import NegativeSample
from reccl.negatives.random_negatives import RandomNegatives


class Uniform(RandomNegatives):
    """`number` items from the whole catalog with equal probability, per positive or once per batch.

    Items that the user is known to like are redrawn a few times; those that remain are masked. On dense data this
    matters: a tenth of all pairs of MovieLens-100K would be false negatives. One sample for the whole batch cannot suit
    every user: there only the row's own positive is masked, or with `mask_known` all that the user likes.

    >>> import polars as pl
    >>> rows = pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]})
    >>> graph = Graph.from_interactions(rows, 3, 4)  # 3 users, 4 items
    >>> batch = Batch(graph.user[:2], graph.item[:2])  # user 0 with items 0 and 1
    >>> sample = Uniform(number=5).sample(batch, graph, torch.Generator().manual_seed(0))
    >>> sample.items.shape, sample.items[~sample.mask].unique()  # items 2 and 3 alone are negatives of user 0
    (torch.Size([2, 5]), tensor([2, 3]))
    """

    kind: Literal["uniform"] = "uniform"

    @override
    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        sample_items = partial(torch.randint, graph.num_items, generator=generator, device=graph.device)
        equal = torch.full((), -math.log(graph.num_items), device=graph.device).expand(graph.num_items)  # [I]
        return self.sample_with(sample_items, batch, graph, equal)
