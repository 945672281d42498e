"""Softmax at K: interactions count by whether their item would make the user's top K."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import no_grad, torch

if TYPE_CHECKING:
    from torch import Tensor

from reccl.losses.weighted_mean import weighted_mean


def softmax_at_k(
    positive: Tensor,
    negatives: Tensor,
    quantile: Tensor,
    temperature: float,
    weight_temperature: float,
    mask: Tensor | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """SL@K: Breaking the Top-K Barrier: Advancing Top-K Ranking Metrics Optimization in Recommender Systems, Yang et
    al., KDD 2025; https://github.com/Tiny-Snow/IR-Benchmark.

    L = mean over anchors u of sigmoid((s_ui - b_u) / t_w) * log sum_j exp((s_uj - s_ui) / t)

    The second factor is the softmax loss, a bound of -log DCG; the first, near 1 for an item in the top K and near 0
    for one far below, makes it one of DCG@K.

    Args:
        positive: [B] similarities s_ui of the positives.
        negatives: [B, M] similarities s_uj of the negatives.
        quantile: [B] b_u, the similarity of the item at rank K of the user's list, a constant (see `quantile_at_k`).
        temperature: t of the softmax.
        weight_temperature: t_w of the weight.
        mask: [B, M] True where a negative does not count. An anchor with no negative left has loss zero.
        weight: [B] how much each anchor counts in the mean; None: all alike.

    Where we differ: nowhere. As in the authors' code the positive is not in the sum, and the gradient also goes through
    the weight.

    >>> positive, negatives = torch.tensor([0.5]), torch.tensor([[0.5, 0.1]])
    >>> softmax_at_k(positive, negatives, quantile_at_k(negatives, positive[:, None], k=1), 1.0, 1.0)
    tensor(0.2565)

    """
    logits = ((negatives - positive[:, None]) / temperature).float()  # [B, M]
    if mask is not None:
        logits = logits.masked_fill(mask, -torch.inf)
    in_list = torch.sigmoid((positive - quantile) / weight_temperature)  # [B]
    log_sum = torch.logsumexp(logits, dim=1)  # [B], -inf where none is left
    return weighted_mean(in_list.float() * log_sum.masked_fill(log_sum == -torch.inf, 0), weight)


@no_grad
def top_k_by_group(scores: Tensor, group: Tensor, groups: int, k: int) -> Tensor:
    """The k highest scores of each group, in no order, -inf where it has fewer: [P], [P] ascending -> [groups, k]."""
    order = scores.argsort(descending=True)
    order = order[group[order].argsort(stable=True)]  # [P] by group, the best first
    count = group.bincount(minlength=groups)  # [groups]
    rank = torch.arange(len(group), device=group.device) - (count.cumsum(0) - count)[group]  # [P]
    inside = rank < k
    best = scores.new_full((groups, k), -torch.inf, dtype=torch.float32)
    best[group[inside], rank[inside]] = scores[order][inside].float()
    return best


@no_grad
def quantile_at_k(negatives: Tensor, positives: Tensor, k: int, mask: Tensor | None = None) -> Tensor:
    """The score at rank k among each anchor's known positives and sampled negatives together: [B].

    The authors' estimate of b_u. The lowest score where an anchor has fewer than k.

    Args:
        negatives: [B, M] scores of the sampled negatives.
        positives: [B, k] the highest scores of the known positives, -inf for empty places.
        k: the rank.
        mask: [B, M] True where a negative does not count.

    """
    counted = (negatives if mask is None else negatives.masked_fill(mask, -torch.inf)).float()
    best = counted.topk(min(k, counted.shape[1])).values  # [B, k]
    together = torch.cat([positives, best], 1).sort(descending=True).values[:, :k]  # [B, k]
    last = (together > -torch.inf).sum(1).clamp(min=1) - 1  # [B]
    return together.gather(1, last[:, None])[:, 0]
