"""Catalog metrics: what all lists together do with the catalog."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def coverage(items: Tensor, catalog: int) -> float:
    """Share of the catalog that is in at least one list; items [n, k] are item row numbers, negative where empty.

    >>> import torch
    >>> coverage(torch.tensor([[0, 1], [1, -1]]), catalog=4)
    0.5
    """
    return len(items[items >= 0].unique()) / catalog
