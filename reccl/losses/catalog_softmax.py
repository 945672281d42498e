"""Catalog softmax: full softmax out of embeddings, without the table of all logits."""

import torch
from torch import Tensor
from torch.nn.functional import embedding_bag, softplus

from reccl.losses.full_softmax import full_softmax, mean
from reccl.losses.log_sum import log_sum
from reccl.losses.loss import Listed


def catalog_softmax(
    anchors: Tensor,
    candidates: Tensor,
    row: Tensor,
    positive: Tensor,
    log_weight: Tensor | None = None,
    known: tuple[Tensor, Tensor] | None = None,
    weight: Tensor | None = None,
) -> Tensor:
    """`full_softmax` of the logits x_n . y_m; on the CPU they are computed a block at a time (see `log_sum`).

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
        weight: [B] how much each interaction counts in the mean; None: all alike.

    """
    if anchors.device.type != "cpu" or anchors.dtype not in (torch.float32, torch.float64):
        return full_softmax(anchors @ candidates.T, row, positive, log_weight, known, weight)
    mask = None if known is None else Listed(*known, len(anchors), torch.arange(len(candidates)))
    below = log_sum(anchors, candidates, log_weight, mask)  # [n]
    if known is not None:
        own = (anchors[row] * candidates[positive]).sum(1)  # [B]
        return mean(softplus(below[row] - own), weight)
    share = torch.ones_like(positive, dtype=anchors.dtype) if weight is None else weight.to(anchors)  # [B]
    order = row.argsort(stable=True)
    start = torch.searchsorted(row[order], torch.arange(len(anchors)))  # [n]
    towards = embedding_bag(positive[order], candidates, start, mode="sum", per_sample_weights=share[order])  # [n, D]
    of_anchor = below.new_zeros(len(anchors)).index_add(0, row, share)  # [n] summed weights
    return ((of_anchor * below).sum() - (anchors * towards).sum()) / share.sum()
