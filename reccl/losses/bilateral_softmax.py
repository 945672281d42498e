"""Bilateral softmax: softmax whose positive and negative side have temperatures of their own (BSL, SL, DCL)."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import torch
from reccl.losses.chunks import average_over_chunks
from reccl.losses.groups import logsumexp_by_group, number_groups
from reccl.losses.logits import compute_logits
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.positive_and_logsumexp import is_fusible, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def bilateral_softmax(
    positive: Tensor,
    negatives: Tensor,
    exponent: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """BSL: Understanding and Improving Softmax Loss for Recommendation, Wu et al., ICDE 2024;
    https://arxiv.org/abs/2312.12882.

    L = mean over anchors u of -log( exp(s_ui) / (sum_j exp(s_uj))^t ),  s = similarity / temperature

    The paper has a temperature for each side, t1 for the positive and t2 for the negatives: an exponent of t2 / t1 over
    negatives divided by t2. Like the authors' code, we divide both sides by one temperature and leave the exponent t
    free: another loss than the paper's unless t = 1. t = 1 is their softmax loss SL, which is also
    Decoupled Contrastive Learning, Yeh et al., ECCV 2022 (https://arxiv.org/abs/2110.06848): InfoNCE without the
    positive in its own denominator, so that the pull on a positive never fades.

    Args:
        positive: [B] logits s_ui of the positives.
        negatives: [B, M] logits s_uj of the negatives.
        exponent: t; above 1 trusts the positives less and the negatives more.
        mask: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ from their code: up to a constant, in `mask` alone, since they mask no negative, not even a repeat
    of the positive (with several positives they take the mean over j, not the sum). The loss has no lower bound, as
    theirs.

    >>> bilateral_softmax(torch.tensor([2.0]), torch.tensor([[0.0, 0.0]]), exponent=1.0)  # log 2 - 2
    tensor(-1.3069)

    """
    if mask is not None:
        negatives = negatives.masked_fill(mask, -torch.inf)
    return bilateral_softmax_of_sums(positive.float(), torch.logsumexp(negatives.float(), dim=1), exponent, weight)


def bilateral_softmax_of_sums(
    positive: Tensor, log_sum: Tensor, exponent: float, weight: Tensor | None = None
) -> Tensor:
    """`bilateral_softmax` of the log-sum over each anchor's negatives, [B], -inf where none is left."""
    return weighted_mean((exponent * log_sum - positive).masked_fill(log_sum == -torch.inf, 0), weight)


class BilateralSoftmax(LossSettings):
    """See `bilateral_softmax`. The authors' LightGCN: temperature .15, exponent 1.12 on Yelp2018; .12 and .84 on
    Gowalla; in-batch negatives, trained on cosine, ranked by inner product. Their matrix factorization: .11 and 1.10,
    .08 and 1.22; 800 uniform negatives, several positives, ranked by cosine.
    """

    takes_temperature = True
    takes_weights = True
    kind: Literal["bilateral_softmax"] = "bilateral_softmax"
    temperature: Annotated[float, Field(gt=0)] = 0.15
    """Divides the similarity; the lower, the more the hardest negatives weigh."""
    exponent: Annotated[float, Field(gt=0)] = 1.1
    """Weight of the negatives' side, t; 1 is plain softmax without the positive in the sum (SL, DCL)."""
    positives: Literal["one", "several"] = "one"
    """Whether exp(s_ui) is each row's own, or the mean over all rows of the batch with the same user (the authors' mode
    `multi`)."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), q the probability that an item is sampled."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        settings, log_mean = (self.similarity, self.temperature, self.popularity_correction), None
        if self.positives == "several":
            pairs, group = number_groups(pairs)
            log_sum = logsumexp_by_group(compute_logits(pairs.without_negatives(), *settings)[0], group)  # [G]
            log_mean = log_sum - group.bincount().log()  # [G]
        if not is_fusible(pairs):
            return average_over_chunks(partial(self.compute, log_mean), pairs)
        positive, log_sum = positive_and_logsumexp(pairs, *settings)
        positive = replace_by_group(positive, log_mean, pairs)
        return bilateral_softmax_of_sums(positive, log_sum, self.exponent, pairs.weight)

    def compute(self, log_mean: Tensor | None, pairs: Pairs) -> Tensor:
        """From the table of all logits; `log_mean` [G] is the log of the mean exp(s_ui) of a group's positives."""
        positive, negatives = compute_logits(pairs, self.similarity, self.temperature, self.popularity_correction)
        positive = replace_by_group(positive, log_mean, pairs)
        return bilateral_softmax(positive, negatives, self.exponent, pairs.dense_mask, pairs.weight)


def replace_by_group(positive: Tensor, log_mean: Tensor | None, pairs: Pairs) -> Tensor:
    """Each row's positive logit, [B]: its own, or its group's log-mean where there are groups."""
    return positive if log_mean is None or pairs.group is None else log_mean[pairs.group]
