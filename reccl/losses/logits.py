"""Logits: similarities over the temperature, less each item's log probability of being sampled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.losses.loss import Pairs
from reccl.losses.similarity import PairSimilarity, score_pairs

if TYPE_CHECKING:
    from torch import Tensor


def compute_logits(
    pairs: Pairs, similarity: PairSimilarity, temperature: float, correction: float = 0.0
) -> tuple[Tensor, Tensor]:
    """Logits of the positives, [B], and of the negatives, [B, M]: see `scale_by_temperature` and `correct_logq`."""
    logits = scale_by_temperature(*score_pairs(pairs, similarity), pairs, temperature)
    return correct_logq(*logits, pairs, correction)


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


def correct_logq(positive: Tensor, negatives: Tensor, pairs: Pairs, share: float) -> tuple[Tensor, Tensor]:
    """The logQ correction of Yi et al., RecSys 2019; https://doi.org/10.1145/3298689.3346996.

    s'(u, i) = s(u, i) - share * log q(i), q the probability that i is sampled as a candidate. Without probabilities all
    candidates are equally likely, and nothing changes.

    Args:
        positive: [B] logits of the positives.
        negatives: [B, M] logits of the negatives.
        pairs: their `positive_log_q` and `negative_log_q` are subtracted.
        share: 0 subtracts nothing, 1 all.

    """
    if not share or pairs.positive_log_q is None or pairs.negative_log_q is None:
        return positive, negatives
    return positive - share * pairs.positive_log_q, negatives - share * pairs.negative_log_q
