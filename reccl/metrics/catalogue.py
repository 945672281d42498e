"""Catalogue metrics: what all lists together do with the catalogue."""

from torch import Tensor


def coverage(items: Tensor, catalogue: int) -> float:
    """Share of the catalogue that is in at least one list; items [n, k] are item row numbers, negative where empty."""
    return len(items[items >= 0].unique()) / catalogue
