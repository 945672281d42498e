"""InfoNCE: pick the positive out of the negatives (softmax contrastive loss, NT-Xent, sampled softmax)."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from reccl.losses.chunks import in_chunks
from reccl.losses.logq import correct_logq
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.positive_and_logsumexp import in_one_pass, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity, scores
from reccl.losses.temperature import scale_by_temperature


def info_nce(positive: Tensor, negatives: Tensor, hidden: Tensor | None = None) -> Tensor:
    """InfoNCE, van den Oord et al. 2018, eq. 4; https://arxiv.org/abs/1807.03748.

    L = mean over anchors u of -log( exp(s_ui) / (exp(s_ui) + sum_j exp(s_uj)) ),  s = similarity / temperature

    Args:
        positive: [B] logits s_ui of the positives.
        negatives: [B, M] logits s_uj of the negatives.
        hidden: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.

    Where we differ: written as softplus(logsumexp_j s_uj - s_ui), the same number, with no overflow at any temperature.

    """
    if hidden is not None:
        negatives = negatives.masked_fill(hidden, -torch.inf)
    return softplus(torch.logsumexp(negatives.float(), dim=1) - positive.float()).mean()


class InfoNCE(LossSettings):
    """See `info_nce`. Over user-item pairs with in-batch negatives this is the two-tower softmax of
    Sampling-Bias-Corrected Neural Modeling, Yi et al., RecSys 2019; https://doi.org/10.1145/3298689.3346996.
    Over two views of one node it is the contrastive term of SGL, eq. 10.
    """

    takes_temperature = True
    kind: Literal["info_nce"] = "info_nce"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity; lower means that the hardest negatives weigh more."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), where q is the chance that an item is drawn as a
    candidate. 1 is Yi et al.'s correction for in-batch negatives; 0 leaves popular items penalized."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; in one pass where that can be, else large batches in chunks."""
        if not in_one_pass(pairs):
            return in_chunks(self.mean, pairs)
        positive, below = positive_and_logsumexp(pairs, self.similarity, self.temperature, self.popularity_correction)
        return softplus(below - positive).mean()

    def mean(self, pairs: Pairs) -> Tensor:
        """By the table of all logits."""
        positive, negatives = scale_by_temperature(*scores(pairs, self.similarity), pairs, self.temperature)
        return info_nce(*correct_logq(positive, negatives, pairs, self.popularity_correction), pairs.hidden)
