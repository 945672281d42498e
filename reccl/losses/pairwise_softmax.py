"""Pairwise softmax: softmax over differences of scores, with a function that grows more slowly than exp (PSL)."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.lazy import functional, torch
from reccl.losses.chunks import ChunkedLoss
from reccl.losses.loss import Pairs
from reccl.losses.similarity import score_pairs
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor

Surrogate = Literal["atan", "exp", "relu", "tanh"]
FLOOR = 1e-6
"""Smallest value of a surrogate before its logarithm."""


def log_surrogate(difference: Tensor, surrogate: Surrogate) -> Tensor:
    """Log of exp(d), relu(d + 1), tanh(d) + 1 or atan(d) + 1, any shape; each is 1 at d = 0."""
    if surrogate == "exp":
        return difference
    if surrogate == "tanh":
        return functional.logsigmoid(2 * difference) + math.log(2)  # 1 + tanh(d) = 2 sigmoid(2d)
    inner = difference if surrogate == "relu" else difference.atan()
    return (inner + 1).clamp(min=FLOOR).log()


def pairwise_softmax(
    positive: Tensor,
    negatives: Tensor,
    surrogate: Surrogate,
    temperature: float | Tensor,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """PSL: Rethinking and Improving Softmax Loss from Pairwise Perspective for Recommendation, Yang et al.,
    NeurIPS 2024; https://arxiv.org/abs/2411.00163.

    L = mean over anchors u of log( 1 + sum_j g(d_uij)^(1 / temperature) ),  d_uij = s_uj - s_ui

    g = exp is InfoNCE. relu(d + 1), tanh(d) + 1 and atan(d) + 1 grow more slowly above zero: a false negative, which
    scores high, weighs less, and the loss bounds DCG more tightly while d lies within -1 and 1.

    Args:
        positive: [B] scores s_ui of the positives.
        negatives: [B, M] scores s_uj of the negatives.
        surrogate: g.
        temperature: the lower, the more the hardest negatives weigh; a number, or [] or [B, 1].
        mask: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: the 1 is the positive itself, d = 0, which the paper's sum over all items holds and the authors'
    code over sampled negatives leaves out; so the loss is never below zero. g is kept above 1e-6.

    >>> pairwise_softmax(torch.tensor([0.5]), torch.tensor([[0.0]]), "relu", temperature=0.5)  # log(1 + .5^2)
    tensor(0.2231)

    """
    logits = log_surrogate((negatives - positive[:, None]).float(), surrogate) / temperature  # [B, M]
    if mask is not None:
        logits = logits.masked_fill(mask, -torch.inf)
    return weighted_mean(functional.softplus(torch.logsumexp(logits, dim=1)), weight)


class PairwiseSoftmax(ChunkedLoss):
    """See `pairwise_softmax`. The score is half the cosine, as in the paper, so that differences lie within -1 and 1:
    surrogate exp at temperature t is InfoNCE at temperature 2t.
    """

    takes_temperature = True
    kind: Literal["pairwise_softmax"] = "pairwise_softmax"
    surrogate: Surrogate = "relu"
    """What replaces exp."""
    temperature: Annotated[float, Field(gt=0)] = 0.1
    """Divides the surrogate's logarithm; half of what suits InfoNCE."""

    @override
    def compute(self, pairs: Pairs) -> Tensor:
        positive, negatives = score_pairs(pairs, "cosine")
        given = self.temperature if pairs.temperature is None else pairs.temperature.reshape(-1, 1)  # [1 or B, 1]
        settings = self.surrogate, given, pairs.dense_mask, pairs.weight
        return pairwise_softmax(positive / 2, negatives / 2, *settings)
