"""Triplet: the positive should be nearer than each negative by a margin."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import relu

from reccl.losses.chunks import in_chunks
from reccl.losses.hardest import hardest
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.masked_mean import masked_mean
from reccl.losses.similarity import PairSimilarity, scores


def triplet(positive: Tensor, negatives: Tensor, margin: float, hidden: Tensor | None = None) -> Tensor:
    """FaceNet, Schroff et al., CVPR 2015; https://arxiv.org/abs/1503.03832. For recommendation: Collaborative
    Metric Learning, Hsieh et al., WWW 2017; https://doi.org/10.1145/3038912.3052639.

    L = mean over anchors u and negatives j of max(0, m - s_ui + s_uj),  s = -|x - y|^2 in both papers

    Args:
        positive: [B] scores s_ui of the positives.
        negatives: [B, M] scores s_uj of the negatives.
        margin: m, by how much a positive should win.
        hidden: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.

    Where we differ: a mean in place of FaceNet's sum, over an anchor's negatives and then over anchors; Collaborative
    Metric Learning's weights by estimated rank and its ball of radius 1 are left out.

    """
    return masked_mean(relu(margin - positive[:, None] + negatives), hidden).mean()


class Triplet(LossSettings):
    """See `triplet`. On unit vectors the squared distance is 2 - 2 cosine: FaceNet's margin of .2 is .1 of cosine."""

    kind: Literal["triplet"] = "triplet"
    margin: Annotated[float, Field(gt=0)] = 0.5
    """By how much a positive should win."""
    similarity: PairSimilarity = "cosine"
    """Score of a pair: cosine, inner product, or the negative squared distance (euclidean)."""
    hardest: Annotated[int, Field(ge=1)] | None = None
    """Only this many negatives of each anchor count, those that score highest now; empty: all."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; large batches in chunks."""
        return in_chunks(self.mean, pairs)

    def mean(self, pairs: Pairs) -> Tensor:
        """All at once."""
        positive, negatives = scores(pairs, self.similarity)
        negatives, hidden = hardest(negatives, pairs.hidden, self.hardest)
        return triplet(positive, negatives, self.margin, hidden)
