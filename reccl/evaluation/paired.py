"""Paired: a confidence interval for the difference of two runs, from the same users' values under both."""

from __future__ import annotations

from dataclasses import dataclass

import polars as pl

from reccl.data.columns import USER
from reccl.lazy import np

LEVEL = 0.95
"""Confidence of every interval."""


@dataclass(frozen=True)
class PairedDifference:
    """Relative difference of two means over the same users, e.g. 0.05: 5 % higher."""

    users: int
    relative: float
    low: float
    high: float


def compare_paired(ours: pl.DataFrame, baseline: pl.DataFrame) -> PairedDifference | None:
    """(mean a - mean b) / mean b over the users of both tables (user, value), with its confidence interval.

    With a_u and b_u a user's two values, r = mean a / mean b - 1 and z_u = (a_u - (1 + r) b_u) / mean b, the interval
    is r +- t deviation(z) / sqrt(n): Student's paired interval for the ratio of two means, by the delta method. It is
    over users, and says nothing about other seeds or splits. None for fewer than two common users, or if mean b is 0.

    >>> baseline = pl.DataFrame({"user": ["a", "b", "c", "d"], "value": [0.1, 0.2, 0.3, 0.4]})
    >>> compare_paired(baseline.with_columns(pl.col("value") * 1.1), baseline).relative
    0.10000000000000009
    """
    both = ours.join(baseline, on=USER, suffix="_baseline").sort(USER)
    a, b = both["value"].to_numpy().astype(np.float64), both["value_baseline"].to_numpy().astype(np.float64)  # [n], [n]
    if len(a) < 2 or not b.mean():
        return None
    relative = a.mean() / b.mean() - 1
    deviation = np.std((a - (1 + relative) * b) / b.mean(), ddof=1)
    from scipy import stats

    half = float(stats.t.ppf((1 + LEVEL) / 2, len(a) - 1) * deviation / np.sqrt(len(a)))
    return PairedDifference(len(a), float(relative), float(relative) - half, float(relative) + half)
