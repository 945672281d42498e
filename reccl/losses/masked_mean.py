"""Shown: averages over the negatives that count."""

from torch import Tensor


def masked_mean(losses: Tensor, hidden: Tensor | None) -> Tensor:
    """Mean over each anchor's negatives that are not hidden, zero where none is left: [B, M] -> [B]."""
    if hidden is None:
        return losses.mean(1)
    return losses.masked_fill(hidden, 0).sum(1) / (~hidden).sum(1).clamp(min=1)
