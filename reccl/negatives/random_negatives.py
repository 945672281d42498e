"""Random negatives: what ways to sample from the whole catalog have in common."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.negatives.negatives import NegativeSample, NegativesSettings, redraw_known, shared_mask

if TYPE_CHECKING:
    from torch import Tensor


class RandomNegatives(NegativesSettings):
    """Items sampled for each positive, or once for the whole batch."""

    number: Annotated[int, Field(ge=1)] = 1
    """Negatives of each positive; of the whole batch where `shared`."""
    shared: bool = False
    """One sample for all rows of the batch: many negatives at the price of few embeddings."""
    ratio: Annotated[float, Field(gt=0)] | None = None
    """Items of a shared sample per row of the batch, instead of `number`; empty: `number`."""
    redraws: Annotated[int, Field(ge=0)] = 3
    """How often known positives are redrawn; in a shared sample never."""
    mask_known: bool = False
    """In a shared sample, mask all items that the row's user is known to like, not only the row's own positive."""

    @model_validator(mode="after")
    def _needs_a_shared_sample(self) -> Self:
        for name in ("ratio", "mask_known"):
            if getattr(self, name) and not self.shared:
                raise ValueError(
                    f"{name} applies to a shared sample: set shared=true, or leave it out (per positive, `number` is "
                    "the ratio, and known positives are masked anyway)"
                )
        return self

    @override
    def count(self, batch: int) -> tuple[int, int]:
        if self.shared:
            shared = pool_size(self.number, self.ratio, batch)
            return shared, shared
        return batch * self.number, self.number

    def sample_with(
        self,
        sample_items: Callable[[tuple[int, ...]], Tensor],
        batch: Batch,
        graph: Graph,
        log_q: Tensor | None = None,
    ) -> NegativeSample:
        """As many items as the settings say, from a function that samples them in any shape."""
        if self.shared:
            items = sample_items((pool_size(self.number, self.ratio, len(batch)),))  # [M]
            return NegativeSample(items, shared_mask(batch, items, graph, self.mask_known), log_q)
        shape = (len(batch), self.number)
        return NegativeSample(*redraw_known(lambda: sample_items(shape), batch, graph, self.redraws), log_q)


def pool_size(number: int, ratio: float | None, batch: int) -> int:
    """Items of a shared sample: `ratio` per row where given, else `number`; one at least."""
    return number if ratio is None else max(1, round(ratio * batch))
