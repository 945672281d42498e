"""N-pair: the positive against all negatives at once by inner product, with embeddings kept short."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.losses.chunks import ChunkedLoss
from reccl.losses.info_nce import info_nce
from reccl.losses.logits import compute_logits
from reccl.losses.loss import Pairs
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


class NPair(ChunkedLoss):
    """Improved Deep Metric Learning with Multi-class N-pair Loss Objective, Sohn, NeurIPS 2016;
    https://papers.nips.cc/paper/6200-improved-deep-metric-learning-with-multi-class-n-pair-loss-objective.

    L = mean over anchors u of log( 1 + sum_j exp(x_u . x_j - x_u . x_i) ) + l * (|x_u|^2 + |x_i|^2) / 2

    x_u, x_i, x_j: embeddings of anchor, positive and negatives, [B, D], [B, D], [M, D] or [B, M, D]. Without the second
    part it is InfoNCE by inner product at temperature 1. The paper does not scale embeddings to length 1, which it
    found to optimize badly, and limits their lengths by l instead.

    >>> import torch
    >>> x = torch.eye(2)
    >>> NPair(length_weight=0.1)(Pairs(x, x, x.flip(1), mask=None))  # log(1 + 1 + 1 / e) + .1
    tensor(0.9620)
    """

    takes_temperature = True
    kind: Literal["n_pair"] = "n_pair"
    length_weight: Annotated[float, Field(ge=0)] = 0.002
    """Weight l of the squared lengths."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        lengths = weighted_mean(pairs.anchor.square().sum(1) + pairs.positive.square().sum(1), pairs.weight) / 2
        ranking = info_nce(*compute_logits(pairs, "dot", 1.0), pairs.dense_mask, pairs.weight)
        return ranking + self.length_weight * lengths
