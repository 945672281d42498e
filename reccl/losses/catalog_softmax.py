"""Catalog softmax: full softmax computed from embeddings, without the table of all logits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import functional, torch
from reccl.losses.full_softmax import full_softmax
from reccl.losses.masks import IdListMask
from reccl.losses.similarity import at_least_float32, inner_products
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def catalog_softmax(
    anchors: Tensor,
    candidates: Tensor,
    row: Tensor,
    positive: Tensor,
    log_weight: Tensor | None = None,
    known: tuple[Tensor, Tensor] | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """`full_softmax` of the logits x_n . y_m; on the CPU they are computed a block at a time (see `fused_logsumexp`).

    The positives' part of the mean is linear in them: sum over interactions (u, i) of w x_u . y_i is
    sum over u of x_u . (sum over i of w y_i), so that a positive costs no logit of its own.

    Args:
        anchors: [n, D] distinct anchors x, already divided by the temperature.
        candidates: [M, D] all candidates y.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        log_weight: [M] log of how much each candidate counts as a negative; None: all 1.
        known: (anchor, candidate) places of all known positives, ascending by anchor; they are no negatives. None: all
            candidates are.
        weight: [B] weight of each interaction in the mean; None: all equal.

    >>> users, items = torch.tensor([[2.0, 0.0], [0.0, 2.0]]), torch.eye(2)
    >>> catalog_softmax(users, items, row=torch.tensor([0, 1]), positive=torch.tensor([0, 1]))  # log(1 + exp(-2))
    tensor(0.1269)

    """
    anchors, candidates = at_least_float32(anchors), at_least_float32(candidates)
    if anchors.device.type != "cpu":
        return full_softmax(inner_products(anchors, candidates), row, positive, log_weight, known, weight)
    mask = None if known is None else IdListMask(*known, len(anchors), torch.arange(len(candidates)))
    from reccl.losses.fused_logsumexp import fused_logsumexp

    log_sum = fused_logsumexp(anchors, candidates, log_weight, mask)  # [n]
    if known is not None:
        own = (anchors[row] * candidates[positive]).sum(1)  # [B]
        return weighted_mean(functional.softplus(log_sum[row] - own), weight)
    return weighted_mean_from_sums(anchors, candidates, row, positive, log_sum, weight)


def weighted_mean_from_sums(
    anchors: Tensor, candidates: Tensor, row: Tensor, positive: Tensor, log_sum: Tensor, weight: Tensor | None
) -> Tensor:
    """The mean over interactions of log_sum - x . y, with all products of an anchor at once; see `catalog_softmax`.

    Args:
        anchors: [n, D] distinct anchors x, already divided by the temperature.
        candidates: [M, D] all candidates y.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        log_sum: [n] the log of each anchor's sum over candidates.
        weight: [B] weight of each interaction in the mean; None: all equal.

    """
    share = torch.ones_like(positive, dtype=anchors.dtype) if weight is None else weight.to(anchors)  # [B]
    order = row.argsort(stable=True)
    start = torch.searchsorted(row[order], torch.arange(len(anchors)))  # [n]
    ordered, shares = positive[order], share[order]  # [B], [B]
    sums = functional.embedding_bag(ordered, candidates, start, mode="sum", per_sample_weights=shares)  # [n, D]
    weights = log_sum.new_zeros(len(anchors)).index_add(0, row, share)  # [n] of all interactions of an anchor
    return ((weights * log_sum).sum() - (anchors * sums).sum()) / share.sum()
