"""Weighted mean: averages over anchors of which some count more."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def weighted_mean(losses: Tensor, weight: Tensor | None) -> Tensor:
    """Mean of [B] by weight [B], a scalar: an anchor of weight w counts as w anchors do. None: all count alike.

    >>> import torch
    >>> weighted_mean(torch.tensor([1.0, 4.0]), torch.tensor([2.0, 1.0]))
    tensor(2.)
    """
    return losses.mean() if weight is None else (weight * losses).sum() / weight.sum()
