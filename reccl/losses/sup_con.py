"""Supervised contrastive: every positive of a node in the batch pulls it, each negative pushes once."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional, torch
from reccl.losses.chunks import average_over_chunks
from reccl.losses.groups import logsumexp_by_group, number_groups
from reccl.losses.logits import compute_logits
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.positive_and_logsumexp import is_fusible, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def sup_con(
    positive: Tensor,
    positives_log_sum: Tensor,
    negatives: Tensor,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """Supervised Contrastive Learning, Khosla et al., NeurIPS 2020, eq. 2 (L_out); https://arxiv.org/abs/2004.11362.

    L = mean over anchors u of -1/|P(u)| sum over p in P(u) of log( exp(s_up) / sum over a in P(u) + N(u) of exp(s_ua) )

    s = similarity / temperature; P(u): the positives of all rows of the batch whose anchor is the same node; N(u): the
    negatives that count. Where every node occurs once it is InfoNCE.

    Args:
        positive: [B] logits of each row's own positive.
        positives_log_sum: [B] log of the sum of exp(s_up) over all of P(u), the row's own positive included.
        negatives: [B, M] logits of the negatives.
        mask: [B, M] True where a negative does not count.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: a positive is scored by the anchor of its own row, the same embedding wherever a node has one
    embedding. The mean of L over the rows of a node is then that of log(sum) - s_up, so that P(u) x P(u) pairs are
    never formed.

    >>> own, negatives = torch.zeros(2), torch.zeros(2, 1)  # two rows of one user: log 2 positives, then 1 negative
    >>> sup_con(own, torch.logsumexp(own, 0).expand(2), negatives)  # log 3
    tensor(1.0986)

    """
    if mask is not None:
        negatives = negatives.masked_fill(mask, -torch.inf)
    return sup_con_of_sums(positive.float(), positives_log_sum, torch.logsumexp(negatives.float(), dim=1), weight)


def sup_con_of_sums(
    positive: Tensor, positives_log_sum: Tensor, log_sum: Tensor, weight: Tensor | None = None
) -> Tensor:
    """`sup_con` of the log-sum over each anchor's negatives, [B], -inf where none is left."""
    return weighted_mean(functional.softplus(log_sum - positives_log_sum) + positives_log_sum - positive, weight)


class SupCon(LossSettings):
    """See `sup_con`. In a ranking term the rows of a user are each other's positives. Mask them among the negatives
    (`negatives: {kind: in_batch, hide_known: true}`, or uniform ones), or they count on both sides.
    """

    takes_temperature = True
    takes_weights = True
    kind: Literal["sup_con"] = "sup_con"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity; the authors have .1 for images."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), q the probability that an item is sampled."""

    @override
    def __call__(self, pairs: Pairs) -> Tensor:
        settings = self.similarity, self.temperature, self.popularity_correction
        pairs, group = number_groups(pairs)
        positives_log_sum = logsumexp_by_group(compute_logits(pairs.without_negatives(), *settings)[0], group)  # [G]
        if not is_fusible(pairs):
            return average_over_chunks(partial(self.compute, positives_log_sum), pairs)
        positive, log_sum = positive_and_logsumexp(pairs, *settings)
        return sup_con_of_sums(positive, positives_log_sum[group], log_sum, pairs.weight)

    def compute(self, positives_log_sum: Tensor, pairs: Pairs) -> Tensor:
        """From the table of all logits; `positives_log_sum` [G] of every group, whose chunks may hold a part of it."""
        assert pairs.group is not None
        positive, negatives = compute_logits(pairs, self.similarity, self.temperature, self.popularity_correction)
        settings = pairs.dense_mask, pairs.weight
        return sup_con(positive, positives_log_sum[pairs.group], negatives, *settings)
