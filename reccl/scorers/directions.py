"""Directions: the main singular vectors of a graph's training matrix, decomposed once for all scorers."""

from functools import lru_cache
from typing import Any

import numpy as np
from scipy.sparse.linalg import svds

from reccl.data.graph import Graph
from reccl.data.svd import Spectrum, normalized, spectrum


@lru_cache(maxsize=2)  # a graph is its own key; parts of a blend share one decomposition
def directions(graph: Graph, rank: int, normalize: bool, exact: bool) -> Spectrum:
    """The first `rank` singular vectors and values of D_U^-1/2 R D_I^-1/2, or of R, the largest first.

    Exactly, by Lanczos iterations, or nearly, by a randomized decomposition, which is faster the higher the rank.
    """
    matrix = normalized(graph.interactions) if normalize else graph.interactions
    smallest = min(matrix.shape)
    if not exact or rank * 2 > smallest:  # nearly all of them: Lanczos would not pay
        return spectrum(matrix, rank, oversampling=32, iterations=6)
    start = np.random.default_rng(0).standard_normal(smallest)
    left, values, right = svds(matrix.astype(np.float64), k=rank, v0=start)  # the smallest first
    return Spectrum(left[:, ::-1], values[::-1], right[::-1].T)


def degrees(graph: Graph) -> np.ndarray[Any, Any]:
    """[I] training interactions of each item, at least 1."""
    count: np.ndarray[Any, Any] = graph.item_degree.clamp(min=1).double().cpu().numpy()
    return count
