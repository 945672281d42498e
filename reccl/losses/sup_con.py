"""Supervised contrastive: every positive of a node in the batch pulls it, the negatives push once."""

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from torch.nn.functional import softplus

from reccl.losses.chunks import in_chunks
from reccl.losses.groups import alone, grouped, log_sum_of_groups
from reccl.losses.logq import correct_logq
from reccl.losses.loss import LossSettings, Pairs
from reccl.losses.positive_and_logsumexp import in_one_pass, positive_and_logsumexp
from reccl.losses.similarity import PairSimilarity, scores
from reccl.losses.temperature import scale_by_temperature


def sup_con(positive: Tensor, together: Tensor, negatives: Tensor, hidden: Tensor | None = None) -> Tensor:
    """Supervised Contrastive Learning, Khosla et al., NeurIPS 2020, eq. 2 (L_out); https://arxiv.org/abs/2004.11362.

    L = mean over anchors u of -1/|P(u)| sum over p in P(u) of log( exp(s_up) / sum over a in P(u) + N(u) of exp(s_ua) )

    s = similarity / temperature; P(u): the positives of all rows of the batch whose anchor is the same node; N(u): the
    negatives that count. Where every node stands once it is InfoNCE.

    Args:
        positive: [B] logits of each row's own positive.
        together: [B] log of the sum of exp(s_up) over all of P(u), the row's own positive included.
        negatives: [B, M] logits of the negatives.
        hidden: [B, M] True where a negative does not count.

    Where we differ: a positive is scored by the anchor of its own row, the same embedding wherever a node has one
    embedding. The mean of L over the rows of a node is then that of log(sum) - s_up, so that P(u) x P(u) pairs are
    never formed.

    """
    if hidden is not None:
        negatives = negatives.masked_fill(hidden, -torch.inf)
    return apart(positive.float(), together, torch.logsumexp(negatives.float(), dim=1))


def apart(positive: Tensor, together: Tensor, below: Tensor) -> Tensor:
    """The same, given the log of the sum over each anchor's negatives, [B], -inf where none is left."""
    return (softplus(below - together) + together - positive).mean()


class SupCon(LossSettings):
    """See `sup_con`. In a ranking term the rows of a user are each other's positives. Hide them among the negatives
    (`negatives: {kind: in_batch, hide_known: true}`, or uniform ones), or they count on both sides.
    """

    takes_temperature = True
    kind: Literal["sup_con"] = "sup_con"
    temperature: Annotated[float, Field(gt=0)] = 0.2
    """Divides the similarity; the authors have .1 for images."""
    similarity: PairSimilarity = "cosine"
    """Similarity of a pair before the temperature; euclidean is the negative squared distance."""
    popularity_correction: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share c of the logQ correction: logits lose c * log q(item), q the chance that an item is drawn."""

    def __call__(self, pairs: Pairs) -> Tensor:
        """See `LossSettings`; in one pass where that can be, else large batches in chunks, the positives of a node
        across them.
        """
        pairs = grouped(pairs)
        assert pairs.group is not None
        own = self.logits(alone(pairs))[0]  # [B]
        together = log_sum_of_groups(own, pairs.group)  # [G]
        if not in_one_pass(pairs):
            return in_chunks(partial(self.mean, together), pairs)
        positive, below = positive_and_logsumexp(pairs, self.similarity, self.temperature, self.popularity_correction)
        return apart(positive, together[pairs.group], below)

    def mean(self, together: Tensor, pairs: Pairs) -> Tensor:
        """By the table of all logits; `together` [G] of every group."""
        assert pairs.group is not None
        positive, negatives = self.logits(pairs)
        return sup_con(positive, together[pairs.group], negatives, pairs.hidden)

    def logits(self, pairs: Pairs) -> tuple[Tensor, Tensor]:
        """Logits of positives, [B], and negatives, [B, M]."""
        logits = scale_by_temperature(*scores(pairs, self.similarity), pairs, self.temperature)
        return correct_logq(*logits, pairs, self.popularity_correction)
