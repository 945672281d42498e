"""Logistic: classify each positive and each negative by itself (negative sampling, binary NCE)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional
from reccl.losses.chunks import ChunkedLoss
from reccl.losses.logits import compute_logits
from reccl.losses.loss import Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import PairSimilarity
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def logistic(
    positive: Tensor,
    negatives: Tensor,
    negative_weight: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Skip-gram with negative sampling, Mikolov et al., NeurIPS 2013, eq. 4; https://arxiv.org/abs/1310.4546.

    L = mean over anchors u of -log sigmoid(s_ui) - w * mean over negatives j of log sigmoid(-s_uj)

    Args:
        positive: [B] logits s_ui of the positives.
        negatives: [B, M] logits s_uj of the negatives.
        negative_weight: w of the negatives' side; the paper's sum over k negatives is w = k.
        mask: [B, M] True where a negative does not count.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: -log sigmoid(x) is softplus(-x), which never overflows; the negatives are averaged, so that their
    weight does not grow with the batch when they come from it.

    >>> import torch
    >>> logistic(torch.tensor([0.0]), torch.tensor([[0.0, 0.0]]), negative_weight=1.0)  # log 2 + log 2
    tensor(1.3863)

    """
    of_negatives = masked_mean(functional.softplus(negatives), mask)  # [B]
    return weighted_mean(functional.softplus(-positive) + negative_weight * of_negatives, weight)


class Logistic(ChunkedLoss):
    """See `logistic`. With `popularity_correction: 1` logits lose log q as in noise-contrastive estimation, Gutmann and
    Hyvärinen, AISTATS 2010 (https://proceedings.mlr.press/v9/gutmann10a.html), up to the constant log k.
    """

    takes_temperature = True
    kind: Literal["logistic"] = "logistic"
    temperature: Annotated[float, Field(gt=0)] = 1.0
    """Divides the similarity."""
    similarity: PairSimilarity = "dot"
    """Similarity of a pair before the temperature. A cosine alone spans too little of the sigmoid: lower the
    temperature with it."""
    negative_weight: Annotated[float, Field(gt=0)] = 1.0
    """Weight of the negatives' mean relative to the positive; k stands for k negatives."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the correction: logits lose c * log q(item), q the probability that an item is sampled."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        logits = compute_logits(pairs, self.similarity, self.temperature, self.popularity_correction)
        return logistic(*logits, self.negative_weight, pairs.dense_mask, pairs.weight)
