"""Uniform: items drawn at random, all alike."""

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.losses import Same
from reccl.negatives.negatives import Drawn, NegativesSettings, unknown


class Uniform(NegativesSettings):
    """`number` items from the whole catalogue with equal chance, for each positive or once for the whole batch.

    Items that the user is known to like are drawn anew, a few times over; the last hold-outs are hidden. On dense data
    this matters: a tenth of all pairs of MovieLens-100K would be false negatives. One draw for the whole batch cannot
    suit everybody: there only the row's own positive is hidden.
    """

    kind: Literal["uniform"] = "uniform"
    number: Annotated[int, Field(ge=1)] = 1
    """Negatives of each positive; of the whole batch where `shared`."""
    shared: bool = False
    """One draw for all rows of the batch: many negatives at the price of few embeddings."""
    redraws: Annotated[int, Field(ge=0)] = 3
    """How often known positives are drawn anew."""

    def draw(self, batch: Batch, graph: Graph, generator: torch.Generator) -> Drawn:
        """See `NegativesSettings.draw`."""
        some = partial(torch.randint, graph.items, generator=generator, device=graph.device)
        if self.shared:
            items = some((self.number,))  # [M]
            return Drawn(items, Same(batch.item, items))
        return Drawn(*unknown(lambda: some((len(batch), self.number)), batch, graph, self.redraws))
