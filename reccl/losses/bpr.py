"""BPR: the positive should score above each negative."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from typing_extensions import override

from reccl.lazy import functional, torch
from reccl.losses.logits import compute_logits
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import PairSimilarity

if TYPE_CHECKING:
    from torch import Tensor

FLOOR = 1e-12
"""Least weight of all pairs together, where all are masked."""


def bpr(positive: Tensor, negatives: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """Bayesian personalized ranking, Rendle et al., UAI 2009; https://arxiv.org/abs/1205.2618.

    L = mean over anchors u and negatives j of -log sigmoid(s(u, i) - s(u, j))

    Args:
        positive: [B] scores s(u, i) of the positives.
        negatives: [B, M] scores s(u, j) of the negatives.
        mask: [B, M] True where a negative does not count.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: -log sigmoid(x) is softplus(-x), which never overflows; several negatives per positive are
    averaged.

    >>> bpr(torch.tensor([2.0, 1.0]), torch.tensor([[0.0], [1.0]]))  # mean of softplus(-2) and log 2
    tensor(0.4100)

    """
    losses = functional.softplus(negatives - positive[:, None])  # [B, M]
    if weight is not None:
        counted = torch.ones_like(losses) if mask is None else (~mask).to(losses)  # [B, M]
        return (weight * (losses * counted).sum(1)).sum() / (weight * counted.sum(1)).sum().clamp(min=FLOOR)
    if mask is None:
        return losses.mean()
    return losses.masked_fill(mask, 0).sum() / (~mask).sum().clamp(min=1)


class BPR(LossSettings):
    """See `bpr`. With `negatives: {kind: hard}` it is dynamic negative sampling."""

    takes_temperature = True
    takes_weights = True
    kind: Literal["bpr"] = "bpr"
    similarity: PairSimilarity = "dot"
    """Score of a pair: inner product, cosine, or the negative squared distance (euclidean)."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        return bpr(*compute_logits(pairs, self.similarity, 1.0), pairs.dense_mask, pairs.weight)

    @override
    def count(self, pairs: Pairs) -> float | Tensor:
        mask, weight = pairs.dense_mask, pairs.weight
        if mask is None:
            return len(pairs.anchor) if weight is None else weight.sum()
        counted = (~mask).sum(1)  # [B]
        return counted.sum().clamp(min=1) if weight is None else (weight * counted).sum().clamp(min=FLOOR)
