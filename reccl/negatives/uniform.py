"""Uniform: items drawn at random, all alike."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.negatives.negatives import Drawn, NegativesSettings


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
        if self.shared:
            items = torch.randint(graph.items, (self.number,), generator=generator, device=graph.device)  # [M]
            return Drawn(items, items == batch.item[:, None])
        shape = (len(batch), self.number)
        items = torch.randint(graph.items, shape, generator=generator, device=graph.device)  # [B, M]
        user = batch.user[:, None]  # [B, 1]
        for _ in range(self.redraws):
            again = torch.randint(graph.items, shape, generator=generator, device=graph.device)
            items = torch.where(graph.has(user, items), again, items)
        return Drawn(items, graph.has(user, items))
