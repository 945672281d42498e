"""Uniform: items drawn at random, all alike."""

from functools import partial
from typing import Literal

import torch
from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.negatives.negatives import Drawn
from reccl.negatives.sampled import Sampled


class Uniform(Sampled):
    """`number` items from the whole catalog with equal chance, for each positive or once for the whole batch.

    Items that the user is known to like are drawn anew, a few times over; the last hold-outs are hidden. On dense data
    this matters: a tenth of all pairs of MovieLens-100K would be false negatives. One draw for the whole batch cannot
    suit everybody: there only the row's own positive is hidden, or with `hide_known` whatever the user likes.
    """

    kind: Literal["uniform"] = "uniform"

    @override
    def draw(self, batch: Batch, graph: Graph, generator: torch.Generator) -> Drawn:
        return self.drawn(
            partial(torch.randint, graph.num_items, generator=generator, device=graph.device), batch, graph
        )
