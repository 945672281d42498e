"""Hard: of a pool of negatives, those that score highest now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses import Pairs
from reccl.losses.similarity import PairSimilarity, score_pairs
from reccl.negatives.negatives import NegativeSample, NegativesSettings
from reccl.negatives.uniform import Uniform

if TYPE_CHECKING:
    from reccl.negatives import AnyPool  # the index completes the class


class Hard(NegativesSettings):
    """Dynamic negative sampling, Zhang et al., SIGIR 2013; https://doi.org/10.1145/2484028.2484126: sample a pool,
    train on what the current model ranks first in it. For any loss.

    Where we differ: the paper takes the first of the pool, here the first `number`. Masked candidates (known positives)
    are selected only where too few others are left, and stay masked. A pool that the batch shares costs one product
    [B, D] x [D, M] to score.
    """

    kind: Literal["hard"] = "hard"
    number: Annotated[int, Field(ge=1)] = 1
    """Negatives of each positive that are kept."""
    pool: AnyPool = Uniform(number=32)
    """Where they are selected from."""
    similarity: PairSimilarity = "dot"
    """What the pool is ranked by: inner product, cosine, or the negative squared distance (euclidean)."""

    @override
    def count(self, batch: int) -> tuple[int, int]:
        return self.pool.count(batch)

    @override
    def sample(self, batch: Batch, graph: Graph, generator: torch.Generator) -> NegativeSample:
        return self.pool.sample(batch, graph, generator)

    @override
    def select(self, pairs: Pairs) -> Pairs:
        with torch.no_grad():
            _, scores = score_pairs(pairs, self.similarity)  # [B, M]
            mask = pairs.dense_mask
            scores = scores if mask is None else scores.masked_fill(mask, -torch.inf)
            place = scores.topk(min(self.number, scores.shape[1]), sorted=False).indices  # [B, k]
        return pairs.select_negatives(place)
