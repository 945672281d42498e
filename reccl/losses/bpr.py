"""BPR: the positive should score above each negative."""

from typing import Annotated, Literal

from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus
from typing_extensions import override

from reccl.losses.hardest import hardest
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.similarity import PairSimilarity, scores
from reccl.losses.temperature import scale_by_temperature


def bpr(positive: Tensor, negatives: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Bayesian personalized ranking, Rendle et al., UAI 2009; https://arxiv.org/abs/1205.2618.

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
    """See `bpr`. With `hardest: 1` and a pool of uniform negatives it is dynamic negative sampling (see `hardest`)."""

    takes_temperature = True
    kind: Literal["bpr"] = "bpr"
    similarity: PairSimilarity = "dot"
    """Score of a pair: inner product, cosine, or the negative squared distance (euclidean)."""
    hardest: Annotated[int, Field(ge=1)] | None = None
    """Only this many negatives of each anchor count, those that score highest now; empty: all."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        positive, negatives = scale_by_temperature(*scores(pairs, self.similarity), pairs, 1.0)
        return bpr(positive, *hardest(negatives, pairs.hidden, self.hardest))
