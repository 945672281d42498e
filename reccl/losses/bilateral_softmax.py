"""Bilateral softmax: softmax whose positive and negative side have temperatures of their own (BSL, SL, DCL)."""

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from reccl.losses.chunks import in_chunks
from reccl.losses.groups import alone, grouped, log_sum_of_groups
from reccl.losses.logq import correct_logq
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.positive_and_logsumexp import in_one_pass, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity, scores
from reccl.losses.temperature import scale_by_temperature


def bilateral_softmax(positive: Tensor, negatives: Tensor, exponent: float, hidden: Tensor | None = None) -> Tensor:
    """BSL: Understanding and Improving Softmax Loss for Recommendation, Wu et al., ICDE 2024;
    https://arxiv.org/abs/2312.12882.

    L = mean over anchors u of -log( exp(s_ui) / (sum_j exp(s_uj))^t ),  s = similarity / temperature

    The paper has a temperature for each side, t1 for the positive and t2 for the negatives: an exponent of t2 / t1 over
    negatives divided by t2. As the authors' code, we divide both sides by one temperature and leave the exponent t
    free: another loss than the paper's unless t = 1. t = 1 is their softmax loss SL, which is also
    Decoupled Contrastive Learning, Yeh et al., ECCV 2022 (https://arxiv.org/abs/2110.06848): InfoNCE without the
    positive in its own denominator, so that the pull on a positive never fades.

    Args:
        positive: [B] logits s_ui of the positives.
        negatives: [B, M] logits s_uj of the negatives.
        exponent: t; above 1 trusts the positives less and the negatives more.
        hidden: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.

    Where we differ from their code: up to a constant, in `hidden` alone, since they hide no negative, not even a repeat
    of the positive (with several positives they take the mean over j, not the sum). The loss has no lower bound, as
    theirs.

    """
    if hidden is not None:
        negatives = negatives.masked_fill(hidden, -torch.inf)
    return apart(positive.float(), torch.logsumexp(negatives.float(), dim=1), exponent)


def apart(positive: Tensor, below: Tensor, exponent: float) -> Tensor:
    """The same, given the log of the sum over each anchor's negatives, [B], -inf where none is left."""
    return (exponent * below - positive).masked_fill(below == -torch.inf, 0).mean()


class BilateralSoftmax(LossSettings):
    """See `bilateral_softmax`. The authors' LightGCN: temperature .15, exponent 1.12 on Yelp2018; .12 and .84 on
    Gowalla; in-batch negatives, trained on cosine, ranked by inner product. Their matrix factorization: .11 and 1.10,
    .08 and 1.22; 800 uniform negatives, several positives, ranked by cosine.
    """

    takes_temperature = True
    kind: Literal["bilateral_softmax"] = "bilateral_softmax"
    temperature: Annotated[float, Field(gt=0)] = 0.15
    """Divides the similarity; lower means that the hardest negatives weigh more."""
    exponent: Annotated[float, Field(gt=0)] = 1.1
    """Weight of the negatives' side, t; 1 is plain softmax without the positive in the sum (SL, DCL)."""
    positives: Literal["one", "several"] = "one"
    """Whether exp(s_ui) is each row's own, or the mean over all rows of the batch with the same user (the authors' mode
    `multi`)."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), q the chance that an item is drawn."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; in one pass where that can be, else large batches in chunks."""
        of_group = None
        if self.positives == "several":
            pairs = grouped(pairs)
            assert pairs.group is not None
            together = log_sum_of_groups(self.logits(alone(pairs))[0], pairs.group)  # [G]
            of_group = together - pairs.group.bincount().log()
        if not in_one_pass(pairs):
            return in_chunks(partial(self.mean, of_group), pairs)
        positive, below = positive_and_logsumexp(pairs, self.similarity, self.temperature, self.popularity_correction)
        return apart(chosen(positive, of_group, pairs), below, self.exponent)

    def mean(self, of_group: Tensor | None, pairs: Pairs) -> Tensor:
        """By the table of all logits; `of_group` [G] is the log of the mean exp(s_ui) of a group's positives."""
        positive, negatives = self.logits(pairs)
        return bilateral_softmax(chosen(positive, of_group, pairs), negatives, self.exponent, pairs.hidden)

    def logits(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Logits of positives, [B], and negatives, [B, M]."""
        logits = scale_by_temperature(*scores(pairs, self.similarity), pairs, self.temperature)
        return correct_logq(*logits, pairs, self.popularity_correction)


def chosen(positive: Tensor, of_group: Tensor | None, pairs: Pairs) -> Tensor:
    """What stands for each row's positive, [B]: its own logit, or that of its group."""
    return positive if of_group is None or pairs.group is None else of_group[pairs.group]
