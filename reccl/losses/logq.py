"""Popularity: take an item's chance to be drawn out of its logit."""

from torch import Tensor

from reccl.losses.loss import Pairs


def correct_logq(positive: Tensor, negatives: Tensor, pairs: Pairs, share: float) -> tuple[Tensor, Tensor]:
    """The logQ correction of Yi et al., RecSys 2019; https://doi.org/10.1145/3298689.3346996.

    s'(u, i) = s(u, i) - share * log q(i), q the probability with which i is drawn as a candidate. Where no chances are
    known, all candidates are drawn alike and nothing changes.

    Args:
        positive: [B] logits of the positives.
        negatives: [B, M] logits of the negatives.
        pairs: whose `positive_log_q` and `negative_log_q` are taken out.
        share: 0 takes out nothing, 1 all.

    """
    if not share or pairs.positive_log_q is None or pairs.negative_log_q is None:
        return positive, negatives
    return positive - share * pairs.positive_log_q, negatives - share * pairs.negative_log_q
