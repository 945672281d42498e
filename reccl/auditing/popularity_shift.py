"""Popularity shift: does validation ask for items as popular as those that test asks for?"""

from collections.abc import Iterator

import numpy as np

from reccl.auditing.finding import Finding, grade
from reccl.data.columns import ITEM
from reccl.data.dataset import Dataset

BOUNDS = (0.02, 0.05, 0.15)
"""Distances from which on a shift is a note, a warning, serious."""


def find_popularity_shift(data: Dataset) -> Iterator[Finding]:
    """The Kolmogorov-Smirnov distance between the training popularity of validation's and of test's items."""
    if data.validation.is_empty() or data.test.is_empty():
        return
    counts = np.bincount(data.train[ITEM].to_numpy(), minlength=len(data.item_ids))  # [I]
    validation, test = (np.sort(counts[part[ITEM].to_numpy()]) for part in (data.validation, data.test))
    distance = measure_distance(validation, test)
    chance = 1.36 * np.sqrt(1 / len(validation) + 1 / len(test))  # 95 % of distances between draws of one distribution
    bounds = (max(BOUNDS[0], chance), max(BOUNDS[1], chance), max(BOUNDS[2], chance))
    severity = grade(distance, bounds)
    yield Finding(
        "popularity, validation to test",
        severity,
        distance,
        "distance (Kolmogorov-Smirnov)",
        f"of the training rows of the items asked for: mean {validation.mean():.1f} in validation, {test.mean():.1f} "
        f"in test; chance gives up to {chance:.3f}",
        "data.split.kind=global_timeline takes both parts by one rule; draw validation as test was drawn"
        if severity != "ok"
        else "",
    )


def measure_distance(one: np.ndarray, other: np.ndarray) -> float:
    """The largest difference of two empirical distribution functions, of sorted values.

    >>> measure_distance(np.array([1, 2, 3]), np.array([1, 2, 3])), measure_distance(np.array([1]), np.array([2]))
    (0.0, 1.0)
    """
    every = np.concatenate([one, other])
    shares = (np.searchsorted(values, every, side="right") / len(values) for values in (one, other))
    return float(np.abs(np.subtract(*shares)).max())
