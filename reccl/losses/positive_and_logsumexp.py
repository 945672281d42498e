"""Against: the logit of a positive and the log of the sum over its negatives, all that most softmax losses need."""

import torch
from torch import Tensor

from reccl.losses.log_sum import log_sum
from reccl.losses.loss import Pairs
from reccl.losses.similarity import PairSimilarity, prepared, to_positive


def in_one_pass(pairs: Pairs) -> bool:
    """Whether `against` serves: shared negatives, each with one chance to be drawn, full precision, on the CPU."""
    log_q = pairs.negative_log_q
    return (
        pairs.negatives.dim() == 2
        and (log_q is None or log_q.dim() == 1)
        and pairs.anchor.device.type == "cpu"
        and {pairs.anchor.dtype, pairs.positive.dtype, pairs.negatives.dtype} in ({torch.float32}, {torch.float64})
    )


def positive_and_logsumexp(
    pairs: Pairs, similarity: PairSimilarity, temperature: float, correction: float = 0
) -> tuple[Tensor, Tensor]:
    """s_ui and log sum_j exp(s_uj) of each anchor, [B] and [B]: `scores`, `tempered` and `corrected` in one pass.

    The similarities to the negatives, [B, M], are never there at once (see `log_sum`). The second is -inf for an anchor
    without a negative.
    """
    given = temperature if pairs.temperature is None else pairs.temperature
    warmth = given[:, None] if isinstance(given, Tensor) and given.dim() else given  # a number, [] or [B, 1]
    log_q = pairs.positive_log_q, pairs.negative_log_q  # [B], [M]
    bias = None if not correction or log_q[0] is None or log_q[1] is None else -correction * log_q[1]  # [M]
    if similarity == "euclidean":
        x, y, z = pairs.anchor, pairs.positive, pairs.negatives
        positive = -(x - y).square().sum(-1) / given  # [B]
        # 2xz - |z|^2 as the product of [2x, -1] and [z, |z|^2]; |x|^2 is the same for all of an anchor's negatives
        longer = torch.cat([2 * x, -torch.ones_like(x[:, :1])], 1) / warmth  # [B, D + 1]
        below = log_sum(longer, torch.cat([z, z.square().sum(1, keepdim=True)], 1), bias, pairs.mask)
        below = below - x.square().sum(1) / given  # [B]
    else:
        anchor = prepared(pairs.anchor, similarity) / warmth  # [B, D]
        other = prepared(pairs.positive, similarity)  # [B, D]
        negatives = other if pairs.negatives is pairs.positive else prepared(pairs.negatives, similarity)  # [M, D]
        positive, below = to_positive(anchor, other), log_sum(anchor, negatives, bias, pairs.mask)
    return (positive if bias is None or log_q[0] is None else positive - correction * log_q[0]), below
