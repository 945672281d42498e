"""N-pair: the positive against all negatives at once by inner product, with lengths kept small."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor

from reccl.losses.chunks import in_chunks
from reccl.losses.info_nce import info_nce
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import scores
from reccl.losses.temperature import scale_by_temperature


class NPair(LossSettings):
    """Improved Deep Metric Learning with Multi-class N-pair Loss Objective, Sohn, NeurIPS 2016;
    https://papers.nips.cc/paper/6200-improved-deep-metric-learning-with-multi-class-n-pair-loss-objective.

    L = mean over anchors u of log( 1 + sum_j exp(x_u . x_j - x_u . x_i) ) + l * (|x_u|^2 + |x_i|^2) / 2

    x_u, x_i, x_j: embeddings of anchor, positive and negatives, [B, D], [B, D], [M, D] or [B, M, D]. Without the second
    part it is InfoNCE by inner product at temperature 1. The paper does not scale embeddings to length 1, which it
    found to optimize badly, and holds their lengths by l instead.
    """

    takes_temperature = True
    kind: Literal["n_pair"] = "n_pair"
    length_weight: Annotated[float, Field(ge=0)] = 0.002
    """Weight l of the squared lengths."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; large batches in chunks."""
        return in_chunks(self.mean, pairs)

    def mean(self, pairs: Pairs) -> Tensor:
        """All at once."""
        lengths = (pairs.anchor.square().sum(1) + pairs.positive.square().sum(1)).mean() / 2
        return (
            info_nce(*scale_by_temperature(*scores(pairs, "dot"), pairs, 1.0), pairs.hidden)
            + self.length_weight * lengths
        )
