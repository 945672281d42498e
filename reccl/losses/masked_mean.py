"""Masked mean: averages over the negatives that count."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def masked_mean(losses: Tensor, mask: Tensor | None) -> Tensor:
    """Mean over each anchor's negatives that are not masked, zero where none is left: [B, M] -> [B]."""
    if mask is None:
        return losses.mean(1)
    return losses.masked_fill(mask, 0).sum(1) / (~mask).sum(1).clamp(min=1)
