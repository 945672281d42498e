"""Method: one way to recommend of one library, as `worker.py` fits it. Needs NumPy and SciPy alone, not reccl."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from scipy.sparse import csr_matrix

Recommend = Callable[[np.ndarray, int], np.ndarray]
"""(users [n], k) -> items [n, k] that the users do not have, best first; -1 where a list ends."""


@dataclass(frozen=True)
class Rows:
    """Who had what, as ones."""

    learned: csr_matrix  # [U, I] what is fitted: the training rows; in a final fit the validation rows too
    train: csr_matrix  # [U, I] the training rows alone
    validation: csr_matrix  # [U, I] for a library that chooses epochs or weights by itself
    final: bool  # whether validation rows are given back


@dataclass(frozen=True)
class Method:
    """How it is fitted, and what a random trial draws its settings from."""

    fit: Callable[[Rows, Mapping[str, Any], int, int], Recommend]
    """(rows, settings, seed, threads); settings that are not named are the library's own defaults."""
    space: Mapping[str, Sequence[Any]] = field(default_factory=dict)  # setting -> values, drawn with equal chance
    chance: bool = True  # whether the seed matters; if not, one fit stands for all seeds


def best_unseen(scores: np.ndarray, had: csr_matrix, k: int) -> np.ndarray:
    """Items [n, k] of the highest scores [n, I], without those that the users `had` [n, I]; -1 where none is left."""
    scores = np.array(scores, dtype=np.float64)
    scores[had.nonzero()] = -np.inf
    k = min(k, scores.shape[1])
    best = np.argpartition(-scores, k - 1, axis=1)[:, :k]  # [n, k]
    values = np.take_along_axis(scores, best, 1)
    order = np.argsort(-values, axis=1, kind="stable")
    best, values = np.take_along_axis(best, order, 1), np.take_along_axis(values, order, 1)
    return np.where(np.isfinite(values), best, -1)
