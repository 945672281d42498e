"""Neighborhood aggregation: a user near the items that it has, and far from the batch's other pairs (LightCCF)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.losses.similarity import inner_products, normalize_for
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def neighborhood_aggregation(users: Tensor, items: Tensor, temperature: float, weight: Tensor | None = None) -> Tensor:
    """LightCCF: Unveiling Contrastive Learning's Capability of Neighborhood Aggregation for Collaborative Filtering,
    Zhang et al., SIGIR 2025; https://arxiv.org/abs/2504.10113, as in the authors' code. For the interactions (u, i) of
    a batch, s the cosine of two embeddings and t the temperature:

    L = mean over (u, i) of -log( exp(s_ui / t) / sum over interactions (v, j) of exp((s_uj + s_uv) / t) )

    The gradient pulls u to its item as a graph convolution would, and pushes it from pairs: from (v, j) the more, the
    nearer both are. Since s_uj + s_uv = x_u . (x_v + x_j), the sum over pairs is one product, not two.

    Args:
        users: [B, D] embeddings of the interactions' users, of any length.
        items: [B, D] of their items.
        temperature: t; the authors: .28 on Douban-Book, .24 on Tmall, .22 on Amazon-Book.
        weight: [B] how often an interaction counts, in the mean and in the sum; None: all once.

    The interaction itself, with s_uu = 1, and the user's others in the batch are in the sum, as in the authors' code.
    Where we differ: in its 1e-5 within the logarithm, which we leave out.

    >>> users, items = torch.eye(2), torch.eye(2)  # own pair: s_uj + s_uv = 2, other pair: 0
    >>> neighborhood_aggregation(users, items, temperature=1.0)  # log(exp(2) + 1) - 1
    tensor(1.1269)

    """
    x, y = normalize_for(users, "cosine"), normalize_for(items, "cosine")  # [B, D], [B, D]
    anchors, pairs = x / temperature, x + y  # [B, D], [B, D]
    times = None if weight is None else weight.to(x).log()  # [B]
    if x.device.type == "cpu":
        from reccl.losses.fused_logsumexp import fused_logsumexp

        log_sum = fused_logsumexp(anchors, pairs, times)  # [B]
    else:
        logits = inner_products(anchors, pairs)  # [B, B]
        log_sum = torch.logsumexp(logits if times is None else logits + times, 1)  # [B]
    return weighted_mean(log_sum - (anchors * y).sum(1), weight)
