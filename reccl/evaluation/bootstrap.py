"""Bootstrap: how far apart two methods are, with users and seeds as the two sources of chance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reccl.data.columns import USER
from reccl.lazy import np

if TYPE_CHECKING:
    import polars as pl

LEVEL = 0.95
"""Confidence of every interval."""
REPEATS = 4000
"""Draws of an interval."""
BLOCKS = 2000
"""Most units that users are drawn by: beyond, users are first put into so many random groups."""


@dataclass(frozen=True)
class Difference:
    """What a method gains over a baseline, over the users of both."""

    users: int
    seeds: int  # runs of the method that has fewer
    relative: float  # mean / baseline's mean - 1
    low: float  # of the interval around `relative`
    high: float
    p: float  # two-sided
    effect: float  # mean of the users' differences over their standard deviation
    better: float  # share of users with a higher value
    worse: float  # share of users with a lower value


def compare_methods(ours: Sequence[pl.DataFrame], baseline: Sequence[pl.DataFrame], seed: int = 0) -> Difference | None:
    """Compare the users' values (columns user, value) of a method's runs with those of a baseline's.

    One table a run, and a method's runs differ in their seed alone. With a_su the value of user u in run s, the
    difference is r = a / b - 1, of means over users and runs. Draws of it, whose 2.5 and 97.5 percentiles are the
    interval:

    - users are weighted by independent exponential numbers, the same for both methods: the Bayesian bootstrap (Rubin,
      Annals of Statistics 1981), paired;
    - the mean of a method with S > 1 runs moves as in Welch's t-test: its variance is that of the runs' means, beyond
      what users account for, over S. Resampling so few runs would make it too small, by (S - 1) / S in variance and
      more in its tails.

    With one run each the interval is over users and says nothing about other seeds. `p` is twice the smaller share of
    draws on one side of zero, at least 1 / REPEATS. None for fewer than two common users, or where b is 0.

    >>> import polars as pl
    >>> baseline = pl.DataFrame({"user": range(200), "value": [0.1, 0.3] * 100})
    >>> found = compare_methods([baseline.with_columns(pl.col("value") * 1.1)], [baseline])
    >>> round(found.relative, 3), round(found.low, 3), found.better
    (0.1, 0.1, 1.0)
    """
    drawn = draw_difference(ours, baseline, seed)
    return drawn[0] if drawn else None


def draw_difference(
    ours: Sequence[pl.DataFrame], baseline: Sequence[pl.DataFrame], seed: int = 0
) -> tuple[Difference, Any] | None:
    """The same, and the draws of the relative difference: [R]."""
    a, b = align(ours, baseline)  # [S, n], [S', n]
    if a.shape[1] < 2 or not b.mean():
        return None
    random = np.random.default_rng(seed)
    units = group_users(np.stack([a.mean(0), b.mean(0), np.ones(a.shape[1])], 1), random)  # [m, 3] sums, and counts
    means = draw_means(units, random)  # [R, 2]
    means += move_by_seeds(a, b, random)
    ratios = means[:, 0] / means[:, 1] - 1  # [R]
    relative = float(a.mean() / b.mean() - 1)
    return summarize(relative, ratios, a.mean(0) - b.mean(0), min(len(a), len(b))), ratios


def draw_means(units: Any, random: Any) -> Any:
    """Draws of weighted means from sums and counts of units [m, c + 1]: [R, c]."""
    weights = random.standard_exponential((REPEATS, len(units)), dtype=np.float32)  # [R, m]
    drawn = weights @ units.astype(np.float32)  # [R, c + 1]
    return (drawn[:, :-1] / drawn[:, -1:]).astype(np.float64)


def summarize(relative: float, ratios: Any, by_user: Any, runs: int) -> Difference:
    """A difference from its draws [R] and the users' differences [n]."""
    low, high = np.quantile(ratios, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    below = float((ratios <= 0).mean())
    return Difference(
        users=len(by_user),
        seeds=runs,
        relative=relative,
        low=float(low),
        high=float(high),
        p=max(min(1.0, 2 * min(below, 1 - below)), 1 / REPEATS) if by_user.any() else 1.0,
        effect=float(by_user.mean() / by_user.std(ddof=1)) if by_user.std() > 0 else 0.0,
        better=float((by_user > 0).mean()),
        worse=float((by_user < 0).mean()),
    )


def mean_interval(runs: Sequence[pl.DataFrame], seed: int = 0) -> tuple[float, float] | None:
    """The interval around the mean of a method's runs, over users and, where it has several runs, over seeds.

    None for fewer than two users.
    """
    values, _ = align(runs, [])  # [S, n]
    if values.shape[1] < 2:
        return None
    random = np.random.default_rng(seed)
    units = group_users(np.stack([values.mean(0), np.ones(values.shape[1])], 1), random)  # [m, 2]
    means = draw_means(units, random)[:, 0] + move_by_seeds(values, values[:1], random)[:, 0]  # [R]
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def align(ours: Sequence[pl.DataFrame], baseline: Sequence[pl.DataFrame]) -> tuple[Any, Any]:
    """The values of the users that all tables have, in one order: [S, n] and [S', n]."""
    first, *others = [*ours, *baseline]
    joined = first.select(USER, value_0="value")
    for place, table in enumerate(others, 1):
        joined = joined.join(table.select(USER, **{f"value_{place}": "value"}), on=USER)
    values = joined.sort(USER).drop(USER).to_numpy().T.astype(np.float64)  # [S + S', n]
    return values[: len(ours)], values[len(ours) :]


def group_users(values: Any, random: Any) -> Any:
    """Sums of [n, c] over at most BLOCKS random groups of users: [m, c]."""
    if len(values) <= BLOCKS:
        return values
    group = random.permutation(len(values)) % BLOCKS  # [n]
    return np.stack([np.bincount(group, column, minlength=BLOCKS) for column in values.T], 1)


def move_by_seeds(a: Any, b: Any, random: Any) -> Any:
    """Draws of how far the means of two methods' runs, [S, n] and [S', n], are from those of all seeds: [R, 2].

    Normal numbers with the variances of both, over one chi of Satterthwaite's degrees of freedom, so that their
    difference is Welch's t.
    """
    spread = [seed_variance(runs) for runs in (a, b)]  # of the two means
    total = sum(spread)
    if not total:
        return np.zeros((REPEATS, 2))
    freedom = total**2 / sum(one**2 / (len(runs) - 1) for one, runs in zip(spread, (a, b), strict=True) if one)
    wider = np.sqrt(freedom / random.chisquare(freedom, REPEATS))  # [R]
    return wider[:, None] * np.sqrt(spread) * random.standard_normal((REPEATS, 2))


def seed_variance(runs: Any) -> float:
    """The variance of the mean of runs [S, n] beyond what users account for; 0 for one run.

    That of the runs' means less what independent changes of their n users would give alone, which the users' weights
    have counted: the components of variance of a two-way table.
    """
    count, users = runs.shape
    if count < 2:
        return 0.0
    means = runs.mean(1)  # [S]
    rest = runs - means[:, None] - runs.mean(0) + runs.mean()  # [S, n]
    of_users = np.square(rest).sum() / ((count - 1) * (users - 1)) / users
    beyond = float(means.var(ddof=1)) - of_users
    return float(max(0.0, beyond) / count)


def adjust_holm(p: Sequence[float]) -> list[float]:
    """p-values of several comparisons, so that one of them all is wrong with the probability of the smallest: Holm,
    Scandinavian Journal of Statistics 1979.

    >>> adjust_holm([0.01, 0.04, 0.03])
    [0.03, 0.06, 0.06]
    """
    order = sorted(range(len(p)), key=lambda place: p[place])
    adjusted, largest = [0.0] * len(p), 0.0
    for rank, place in enumerate(order):
        largest = max(largest, min(1.0, (len(p) - rank) * p[place]))
        adjusted[place] = largest
    return adjusted
