"""InfoNCE: pick the positive out of the negatives (softmax contrastive loss, NT-Xent, sampled softmax)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.lazy import functional, torch
from reccl.losses.chunks import ChunkedLoss
from reccl.losses.logits import LogQ, compute_logits
from reccl.losses.loss import Pairs
from reccl.losses.positive_and_logsumexp import is_fusible, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def info_nce(positive: Tensor, negatives: Tensor, mask: Tensor | None = None, weight: Tensor | None = None) -> Tensor:
    """InfoNCE, van den Oord et al. 2018, eq. 4; https://arxiv.org/abs/1807.03748.

    L = mean over anchors u of -log( exp(s_ui) / (exp(s_ui) + sum_j exp(s_uj)) ),  s = similarity / temperature

    Args:
        positive: [B] logits s_ui of the positives.
        negatives: [B, M] logits s_uj of the negatives.
        mask: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: written as softplus(logsumexp_j s_uj - s_ui), the same number, with no overflow at any temperature.

    >>> info_nce(torch.tensor([0.0, 2.0]), torch.tensor([[0.0, 0.0], [0.0, 0.0]]))  # of log 3 and log(1 + 2 exp(-2))
    tensor(0.6691)

    """
    if mask is not None:
        negatives = negatives.masked_fill(mask, -torch.inf)
    return weighted_mean(functional.softplus(torch.logsumexp(negatives.float(), dim=1) - positive.float()), weight)


class InfoNCE(ChunkedLoss):
    """See `info_nce`. Over user-item pairs with in-batch negatives this is the two-tower softmax of
    Sampling-Bias-Corrected Neural Modeling, Yi et al., RecSys 2019; https://doi.org/10.1145/3298689.3346996.
    Over two views of one node it is the contrastive term of SGL, eq. 10.
    """

    takes_temperature = True
    kind: Literal["info_nce"] = "info_nce"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity; the lower, the more the hardest negatives weigh."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), q the probability that an item is sampled as a
    candidate. 1 is Yi et al.'s correction for in-batch negatives; 0 leaves popular items penalized."""
    logq: LogQ = "standard"
    """standard corrects the positive as if it was sampled (Yi et al.), corrected leaves it whole, since it is always a
    candidate (Khrylchenko et al., RecSys 2025); see `reccl.losses.logits.correct_logq`."""

    @model_validator(mode="after")
    def _corrects_something(self) -> Self:
        if self.logq == "corrected" and not self.popularity_correction:
            raise ValueError("logq=corrected has nothing to correct: set popularity_correction=1 too")
        return self

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        if not is_fusible(pairs):
            return super().__call__(pairs)
        settings = self.similarity, self.temperature, self.popularity_correction, self.logq
        positive, log_sum = positive_and_logsumexp(pairs, *settings)
        return weighted_mean(functional.softplus(log_sum - positive), pairs.weight)

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        settings = self.similarity, self.temperature, self.popularity_correction, self.logq
        return info_nce(*compute_logits(pairs, *settings), pairs.dense_mask, pairs.weight)
