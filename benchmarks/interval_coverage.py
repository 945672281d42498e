"""How often the intervals of `reccl compare` hold the truth: pairs of methods that differ by chance alone.

python benchmarks/interval_coverage.py [--pairs 500] [--users 400]
"""

from __future__ import annotations

import argparse

import numpy as np
import polars as pl

from reccl.evaluation.bootstrap import compare_methods

WORLDS = ((1, 0.0), (3, 0.0), (3, 0.04), (5, 0.02), (10, 0.04))
"""Runs of each method, and how far the level of runs spreads by their seeds (deviation of its logarithm)."""


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--pairs", type=int, default=500)
    arguments.add_argument("--users", type=int, default=400)
    chosen = arguments.parse_args()
    print("| runs of each | spread of seeds | 95 % interval holds 0 | p below .05 |\n|---|---|---|---|")
    for seeds, spread in WORLDS:
        held, found = simulate(chosen.pairs, chosen.users, seeds, spread)
        print(f"| {seeds} | {spread:.0%} | {held:.1%} | {found:.1%} |")


def simulate(pairs: int, users: int, seeds: int, spread: float) -> tuple[float, float]:
    """Share of pairs whose interval holds 0, and whose p-value is below .05."""
    random = np.random.default_rng(seeds)
    results = []
    for pair in range(pairs):
        taste = random.beta(0.5, 2, users)  # many users near 0, few near 1, as users' NDCG

        def run(taste: np.ndarray = taste) -> pl.DataFrame:
            level = np.exp(spread * random.normal())
            values = np.clip(taste * level + random.normal(0, 0.15, users) * (taste > 0.02), 0, None)
            return pl.DataFrame({"user": np.arange(users), "value": values})

        results.append(compare_methods([run() for _ in range(seeds)], [run() for _ in range(seeds)], seed=pair))
    return (
        float(np.mean([one.low <= 0 <= one.high for one in results])),
        float(np.mean([one.p < 0.05 for one in results])),
    )


if __name__ == "__main__":
    main()
