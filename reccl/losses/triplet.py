"""Triplet: the positive should be closer than each negative by a margin."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional
from reccl.losses.chunks import ChunkedLoss
from reccl.losses.loss import Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import PairSimilarity, score_pairs
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def triplet(
    positive: Tensor,
    negatives: Tensor,
    margin: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """FaceNet, Schroff et al., CVPR 2015; https://arxiv.org/abs/1503.03832. For recommendation: Collaborative
    Metric Learning, Hsieh et al., WWW 2017; https://doi.org/10.1145/3038912.3052639.

    L = mean over anchors u and negatives j of max(0, m - s_ui + s_uj),  s = -|x - y|^2 in both papers

    Args:
        positive: [B] scores s_ui of the positives.
        negatives: [B, M] scores s_uj of the negatives.
        margin: m, by how much a positive should win.
        mask: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: a mean in place of FaceNet's sum, over an anchor's negatives and then over anchors; Collaborative
    Metric Learning's weights by estimated rank and its ball of radius 1 are left out.

    >>> import torch
    >>> triplet(torch.tensor([1.0]), torch.tensor([[0.0, 0.75]]), margin=0.5)  # mean of 0 and .25
    tensor(0.1250)

    """
    return weighted_mean(masked_mean(functional.relu(margin - positive[:, None] + negatives), mask), weight)


class Triplet(ChunkedLoss):
    """See `triplet`. On unit vectors the squared distance is 2 - 2 cosine: FaceNet's margin of .2 is .1 of cosine. The
    hardest negatives alone, as FaceNet mines them, are `negatives: {kind: hard}`.
    """

    kind: Literal["triplet"] = "triplet"
    margin: Annotated[float, Field(gt=0)] = 0.5
    """By how much a positive should win."""
    similarity: PairSimilarity = "cosine"
    """Score of a pair: cosine, inner product, or the negative squared distance (euclidean)."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        return triplet(*score_pairs(pairs, self.similarity), self.margin, pairs.dense_mask, pairs.weight)
