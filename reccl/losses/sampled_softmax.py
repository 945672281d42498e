"""Sampled softmax: the sum over the catalog, estimated from a few of its candidates."""

from __future__ import annotations

from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.losses.catalog_softmax import weighted_mean_from_sums
from reccl.losses.similarity import at_least_float32, dot_positive, inner_products
from reccl.losses.weighted_mean import weighted_mean

if TYPE_CHECKING:
    from torch import Tensor


def draw_candidates(weight: Tensor, number: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Draw about `number` candidates by their weights w [M], each at most once: their places [m] and the logarithms
    [m] of the factors that make sums over them right on average, log( w_j / P(j is drawn) ).

    Each candidate is drawn by itself with probability min(1, number w_j / sum of w) (Poisson sampling): the heaviest
    are always there, and exact.

    >>> draw_candidates(torch.tensor([2.0, 1.0, 1.0]), 100, torch.Generator())  # as many as there are: all
    (tensor([0, 1, 2]), tensor([0.6931, 0.0000, 0.0000]))
    """
    share = (number / weight.sum() * weight).clamp(max=1)  # [M]
    drawn = (torch.rand(share.shape, generator=generator, device=share.device) < share).nonzero().squeeze(1)  # [m]
    return drawn, (weight[drawn] / share[drawn]).log()


def sampled_softmax(
    anchors: Tensor,
    candidates: Tensor,
    row: Tensor,
    positive: Tensor,
    drawn: Tensor,
    log_factor: Tensor,
    weight: Tensor | None = None,
) -> Tensor:
    """`catalog_softmax` whose sums over the catalog are estimated from drawn candidates.

    Args:
        anchors: [n, D] distinct anchors x, already divided by the temperature.
        candidates: [M, D] all candidates y.
        row: [B] which anchor each interaction belongs to.
        positive: [B] which candidate it is with.
        drawn: [m] places of the drawn candidates; see `draw_candidates`.
        log_factor: [m] logarithms of the factors of their exponentials.
        weight: [B] weight of each interaction in the mean; None: all equal.

    """
    anchors, candidates = at_least_float32(anchors), at_least_float32(candidates)
    some = candidates.index_select(0, drawn)  # [m, D]
    if anchors.device.type == "cpu":
        from reccl.losses.fused_logsumexp import fused_logsumexp

        log_sum = fused_logsumexp(anchors, some, log_factor)  # [n]
        return weighted_mean_from_sums(anchors, candidates, row, positive, log_sum, weight)
    log_sum = torch.logsumexp(inner_products(anchors, some) + log_factor, 1)  # [n]
    own = dot_positive(anchors[row], candidates[positive])  # [B]
    return weighted_mean(log_sum[row] - own, weight)
