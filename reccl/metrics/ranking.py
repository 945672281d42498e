"""Ranking metrics: pure functions of which ranks are hits and how many items are relevant.

Everywhere: hits [n, k] is 1 where rank 1 .. k of a user's list is relevant; relevant [n] >= 1 counts all of the user's
relevant items. Each function gives one number per user, [n]; tables report the mean over users with at least one
relevant item.

>>> hits, relevant = torch.tensor([[1.0, 0.0, 1.0], [0.0, 0.0, 0.0]]), torch.tensor([2.0, 5.0])  # two users, k = 3
>>> capped_recall(hits, relevant)
tensor([1., 0.])
>>> recall(hits, relevant), precision(hits, relevant), hit_rate(hits, relevant)
(tensor([1., 0.]), tensor([0.6667, 0.0000]), tensor([1., 0.]))
>>> ndcg(hits, relevant), average_precision(hits, relevant), reciprocal_rank(hits, relevant)
(tensor([0.9197, 0.0000]), tensor([0.8333, 0.0000]), tensor([1., 0.]))
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def recall(hits: Tensor, relevant: Tensor) -> Tensor:
    """Share of the relevant items that are in the list: sum hits / relevant."""
    return hits.sum(1) / relevant


def capped_recall(hits: Tensor, relevant: Tensor) -> Tensor:
    """Hits over the most that a list of k can have: sum hits / min(k, relevant); recall of Liang et al., WWW 2018.

    Their protocol and its successors call it Recall@k; for users with more than k relevant items it is larger than
    `recall`, so that one is no figure of the other.
    """
    return hits.sum(1) / relevant.clamp(max=hits.shape[1])


def precision(hits: Tensor, relevant: Tensor) -> Tensor:
    """Share of the list that is relevant: sum hits / k."""
    return hits.sum(1) / hits.shape[1]


def hit_rate(hits: Tensor, relevant: Tensor) -> Tensor:
    """1 where anything in the list is relevant."""
    return hits.amax(1)


def ndcg(hits: Tensor, relevant: Tensor) -> Tensor:
    """Normalized discounted cumulative gain, binary: DCG = sum hits_r / log2(r + 1) over ranks r = 1 .. k.

    Divided by the best possible list's DCG, which has min(k, relevant) hits (Järvelin and Kekäläinen 2002; the
    convention of LightGCN and its successors).
    """
    ranks = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=hits.dtype)  # [k]
    discount = 1 / torch.log2(ranks + 1)  # [k]
    ideal = torch.cumsum(discount, 0)[relevant.long().clamp(max=hits.shape[1]) - 1]  # [n]
    return (hits * discount).sum(1) / ideal


def average_precision(hits: Tensor, relevant: Tensor) -> Tensor:
    """Mean of the precisions at the hits' ranks, over min(k, relevant): MAP when averaged over users.

    trec_eval divides by `relevant` instead, so that no list of k items can reach 1 where relevant > k.
    """
    ranks = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=hits.dtype)  # [k]
    precision_at = torch.cumsum(hits, 1) / ranks  # [n, k]
    return (hits * precision_at).sum(1) / relevant.clamp(max=hits.shape[1])


def reciprocal_rank(hits: Tensor, relevant: Tensor) -> Tensor:
    """1 / rank of the first hit, 0 without a hit: MRR when averaged over users."""
    ranks = torch.arange(1, hits.shape[1] + 1, device=hits.device, dtype=hits.dtype)  # [k]
    return (hits / ranks).amax(1)


PER_USER = {
    "recall": recall,
    "capped_recall": capped_recall,
    "precision": precision,
    "ndcg": ndcg,
    "hit_rate": hit_rate,
    "map": average_precision,
    "mrr": reciprocal_rank,
}
