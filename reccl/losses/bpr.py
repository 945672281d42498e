"""BPR: the positive should score above each negative."""

from typing import Literal

from torch import Tensor
from torch.nn.functional import softplus

from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import Similarity, prepared, to_negatives, to_positive


def bpr(positive: Tensor, negatives: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Bayesian personalised ranking, Rendle et al., UAI 2009; https://arxiv.org/abs/1205.2618.

    L = mean over anchors u and negatives j of -log sigmoid(s(u, i) - s(u, j))

    Args:
        positive: [B] scores s(u, i) of the positives.
        negatives: [B, M] scores s(u, j) of the negatives.
        hidden: [B, M] True where a negative does not count.

    Where we differ: -log sigmoid(x) is softplus(-x), which never overflows; several negatives a positive are averaged.

    """
    losses = softplus(negatives - positive[:, None])  # [B, M]
    if hidden is None:
        return losses.mean()
    return losses.masked_fill(hidden, 0).sum() / (~hidden).sum().clamp(min=1)


class BPR(LossSettings):
    """See `bpr`."""

    kind: Literal["bpr"] = "bpr"
    similarity: Similarity = "dot"
    """Score of a pair: inner product, or cosine."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`."""
        anchor, negatives = prepared(pairs.anchor, self.similarity), prepared(pairs.negatives, self.similarity)
        positive = prepared(pairs.positive, self.similarity)
        return bpr(to_positive(anchor, positive), to_negatives(anchor, negatives), pairs.hidden)
