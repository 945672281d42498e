"""Resplits: how far apart two methods are over several splits of one data set, each drawn anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.data.columns import USER
from reccl.evaluation.bootstrap import LEVEL, REPEATS, Difference, draw_means, group_users, summarize
from reccl.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Runs = Sequence[Sequence[pl.DataFrame]]
"""For each split, a table (user, value) of each run."""


def draw_over_splits(
    ours: Runs, baseline: Runs, test_share: float, seed: int = 0
) -> tuple[Difference, NDArray[np.float64]] | None:
    """Compare two methods over the same S > 1 splits: the difference, and draws of it [R].

    A user's value in a split is the mean over its runs. With r = a / b - 1, of means over splits of means over users,
    there are two sources of chance:

    - users, who are weighted by the Bayesian bootstrap, one weight for a user in all splits and for both methods;
    - splits: z_s is the difference in split s less what r says, relative to b, and its variance v over splits, beyond
      what users account for, makes r uncertain by v (1/S + q), with Student's t of S - 1 degrees of freedom. q is
      the number of test rows over that of all other rows: splits of the same rows share them, so that v / S would be
      too small (Nadeau and Bengio, Inference for the generalization error, Machine Learning 2003).

    Args:
        ours: the method's tables.
        baseline: those of the other, of the same splits in the same order.
        test_share: q.
        seed: of the draws.

    None for fewer than two users, or where b is 0.

    """
    a, b = merge(ours), merge(baseline)
    both = a.join(b, on=["split", USER], suffix="_b")
    splits = both.group_by("split").agg(pl.col("value").mean(), pl.col("value_b").mean(), rows=pl.len())
    base = splits["value_b"].mean()
    if both[USER].n_unique() < 2 or not base or splits.height < len(ours):
        return None
    relative = float(splits["value"].mean() / base - 1)  # type: ignore[operator]
    both = both.join(splits.select("split", "rows"), on="split")
    units = (
        both.group_by(USER)
        .agg((pl.col("value") / pl.col("rows")).sum(), (pl.col("value_b") / pl.col("rows")).sum())
        .sort(USER)
    )
    random = np.random.default_rng(seed)
    sums = units.drop(USER).to_numpy() * len(units)  # [n, 2], whose means are S times those of the methods
    means = draw_means(group_users(np.column_stack([sums, np.ones(len(sums))]), random), random)  # [R, 2]
    ratios = means[:, 0] / means[:, 1] - 1  # [R]
    beyond = split_variance(both.with_columns(z=(pl.col("value") - (1 + relative) * pl.col("value_b")) / base))
    freedom = len(ours) - 1
    moved = np.sqrt(beyond * (1 / len(ours) + test_share)) * random.standard_t(freedom, REPEATS)  # [R]
    return summarize(relative, ratios + moved, sums[:, 0] - sums[:, 1], len(ours)), ratios + moved


def mean_over_splits(runs: Runs, test_share: float, seed: int = 0) -> tuple[float, float] | None:
    """The interval around a method's mean over S > 1 splits, over users and splits; None for fewer than two users."""
    table = merge(runs)
    splits = table.group_by("split").agg(pl.col("value").mean(), rows=pl.len())
    if table[USER].n_unique() < 2:
        return None
    units = (
        table.join(splits.select("split", "rows"), on="split")
        .group_by(USER)
        .agg((pl.col("value") / pl.col("rows")).sum())
        .sort(USER)
    )
    random = np.random.default_rng(seed)
    sums = units["value"].to_numpy() * len(units) / len(runs)  # [n]
    means = draw_means(group_users(np.column_stack([sums, np.ones(len(sums))]), random), random)[:, 0]  # [R]
    beyond = split_variance(table.with_columns(z="value"))
    means = means + np.sqrt(beyond * (1 / len(runs) + test_share)) * random.standard_t(len(runs) - 1, REPEATS)
    low, high = np.quantile(means, [(1 - LEVEL) / 2, (1 + LEVEL) / 2])
    return float(low), float(high)


def merge(runs: Runs) -> pl.DataFrame:
    """One table: split, user, and the mean of the runs' values."""
    tables = [
        pl.concat(list(of_split)).group_by(USER).agg(pl.col("value").cast(pl.Float64).mean()).with_columns(split=number)
        for number, of_split in enumerate(runs)
    ]
    return pl.concat([table.select("split", USER, "value") for table in tables])


def split_variance(table: pl.DataFrame) -> float:
    """The variance over splits of the mean of z, beyond what users' chance gives alone; columns split, user, z."""
    centered = table.with_columns(rest=pl.col("z") - pl.col("z").mean().over("split"))
    centered = centered.with_columns(rest=pl.col("rest") - pl.col("rest").mean().over(USER))
    splits = table.group_by("split").agg(pl.col("z").mean(), rows=pl.len())
    freedom = table.height - splits.height - table[USER].n_unique() + 1
    within = float(centered.select(pl.col("rest").pow(2).sum()).item()) / freedom if freedom > 0 else 0.0
    of_users: Any = (within / splits["rows"]).mean()
    over: Any = splits["z"].var()
    return max(0.0, float(over) - float(of_users))
