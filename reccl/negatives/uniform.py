"""Uniform: items drawn at random, all alike."""

from typing import Annotated, Literal

import torch
from pydantic import Field

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.negatives.negatives import Drawn, NegativesSettings


class Uniform(NegativesSettings):
    """`number` items from the whole catalogue with equal chance, for each positive or once for the whole batch.

    A draw that equals the row's positive is hidden. Other items that the user knows may be drawn, as in most code of
    the field: at catalogue size they are rare.
    """

    kind: Literal["uniform"] = "uniform"
    number: Annotated[int, Field(ge=1)] = 1
    """Negatives of each positive; of the whole batch where `shared`."""
    shared: bool = False
    """One draw for all rows of the batch: many negatives at the price of few embeddings."""

    def draw(self, batch: Batch, graph: Graph, generator: torch.Generator) -> Drawn:
        """See `NegativesSettings.draw`."""
        shape = (self.number,) if self.shared else (len(batch), self.number)
        items = torch.randint(graph.items, shape, generator=generator, device=graph.device)
        return Drawn(items, items == batch.item[:, None])
