"""Positive and logsumexp: the logit of each positive and the log-sum over its negatives, all that a softmax needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.losses.logits import LogQ, log_q_of_positive
from reccl.losses.loss import Pairs
from reccl.losses.similarity import PairSimilarity, center_pairs, dot_positive, normalize_for

if TYPE_CHECKING:
    from torch import Tensor


def is_fusible(pairs: Pairs) -> bool:
    """Whether `positive_and_logsumexp` applies: shared negatives with one log q each, full precision, on the CPU."""
    log_q = pairs.negative_log_q
    return (
        pairs.negatives.dim() == 2
        and (log_q is None or log_q.dim() == 1)
        and pairs.anchor.device.type == "cpu"
        and {pairs.anchor.dtype, pairs.positive.dtype, pairs.negatives.dtype} in ({torch.float32}, {torch.float64})
    )


def positive_and_logsumexp(
    pairs: Pairs, similarity: PairSimilarity, temperature: float, correction: float = 0.0, logq: LogQ = "standard"
) -> tuple[Tensor, Tensor]:
    """s_ui and log sum_j exp(s_uj) of each anchor, [B] and [B]: those of `compute_logits`, in one fused pass.

    The similarities to the negatives, [B, M], never exist at once (see `fused_logsumexp`). The log-sum is -inf for an
    anchor without a negative.
    """
    from reccl.losses.fused_logsumexp import fused_logsumexp

    given = temperature if pairs.temperature is None else pairs.temperature
    divisor = given[:, None] if isinstance(given, torch.Tensor) and given.dim() else given  # a number, [] or [B, 1]
    bias, shift = None, None  # [M], [B] or a number
    if correction and pairs.positive_log_q is not None and pairs.negative_log_q is not None:
        bias, shift = -correction * pairs.negative_log_q, correction * log_q_of_positive(pairs, logq)
    if similarity == "euclidean":
        x, y, z = center_pairs(pairs)
        positive = -(x - y).square().sum(-1) / given  # [B]
        # 2xz - |z|^2 as the product of [2x, -1] and [z, |z|^2]; |x|^2 is the same for all of an anchor's negatives
        longer = torch.cat([2 * x, -torch.ones_like(x[:, :1])], 1) / divisor  # [B, D + 1]
        log_sum = fused_logsumexp(longer, torch.cat([z, z.square().sum(1, keepdim=True)], 1), bias, pairs.mask)
        log_sum = log_sum - x.square().sum(1) / given  # [B]
    else:
        anchor = normalize_for(pairs.anchor, similarity) / divisor  # [B, D]
        other = normalize_for(pairs.positive, similarity)  # [B, D]
        shared = pairs.negatives is pairs.positive
        negatives = other if shared else normalize_for(pairs.negatives, similarity)  # [M, D]
        positive, log_sum = dot_positive(anchor, other), fused_logsumexp(anchor, negatives, bias, pairs.mask)
    return (positive if shift is None else positive - shift), log_sum
