"""Logits: similarities over the temperature, less each item's log probability of being sampled."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Literal

from reccl.losses.loss import Pairs
from reccl.losses.similarity import PairSimilarity, score_pairs

if TYPE_CHECKING:
    from torch import Tensor


LogQ = Literal["standard", "corrected"]
"""Whether the positive counts as a candidate that was sampled, or as one that is always there: see `correct_logq`."""


def compute_logits(
    pairs: Pairs, similarity: PairSimilarity, temperature: float, correction: float = 0.0, logq: LogQ = "standard"
) -> tuple[Tensor, Tensor]:
    """Logits of the positives, [B], and of the negatives, [B, M]: see `scale_by_temperature` and `correct_logq`."""
    logits = scale_by_temperature(*score_pairs(pairs, similarity), pairs, temperature)
    return correct_logq(*logits, pairs, correction, logq)


def scale_by_temperature(positive: Tensor, negatives: Tensor, pairs: Pairs, default: float) -> tuple[Tensor, Tensor]:
    """Divide similarities by the temperature of the pairs, or where they have none by the loss's own.

    Args:
        positive: [B] similarities to the positives.
        negatives: [B, M] similarities to the negatives.
        pairs: their `temperature`, a scalar [] or one per anchor [B], takes precedence; it receives a gradient.
        default: the loss's own temperature.

    """
    given = pairs.temperature
    if given is None:
        return positive / default, negatives / default
    return positive / given, negatives / (given[:, None] if given.dim() else given)


def correct_logq(
    positive: Tensor, negatives: Tensor, pairs: Pairs, share: float, logq: LogQ = "standard"
) -> tuple[Tensor, Tensor]:
    """The logQ correction. Without probabilities all candidates are equally likely, and nothing changes.

    standard: s'(u, i) = s(u, i) - share * log q(i) for the positive and the negatives, q the probability that i is
    sampled as a candidate: Yi et al., RecSys 2019; https://doi.org/10.1145/3298689.3346996. Of M sampled candidates the
    sum of exp(s') stands for that of all items, but the positive was not sampled: it is always there.

    corrected: s'(u, j) = s(u, j) - share * log q(j) for the negatives and s'(u, i) = s(u, i) + share * log M for the
    positive: Correcting the LogQ Correction, Khrylchenko et al., RecSys 2025; https://arxiv.org/abs/2507.09331. The
    mean of exp(s(u, j) - log q(j)) over the candidates, those masked as zero, is in expectation the sum of exp(s(u, j))
    over all items that are no positive, for any q: of the batch, of a catalog, or of a mixture of both. The gradient is
    the paper's: that of a softmax over negatives alone, weighed by 1 - P(i), which InfoNCE's own gradient has.

    Args:
        positive: [B] logits of the positives.
        negatives: [B, M] logits of the negatives.
        pairs: their `positive_log_q` and `negative_log_q`.
        share: 0 corrects nothing, 1 all.
        logq: standard or corrected.

    """
    if not share or pairs.positive_log_q is None or pairs.negative_log_q is None:
        return positive, negatives
    return positive - share * log_q_of_positive(pairs, logq), negatives - share * pairs.negative_log_q


def log_q_of_positive(pairs: Pairs, logq: LogQ) -> Tensor | float:
    """What the logit of a positive loses, [B] or a number."""
    assert pairs.positive_log_q is not None
    return pairs.positive_log_q if logq == "standard" else -math.log(max(pairs.negatives.shape[-2], 1))
