"""K-core: who was left out for having few rows, counted over rows that include those to be predicted."""

from collections.abc import Iterator

import polars as pl

from reccl.auditing.finding import Finding, grade
from reccl.data.columns import ITEM, TEST, TRAIN, USER, VALIDATION
from reccl.data.dataset import Dataset

BELOW = (0.001, 0.2)
"""Shares of nodes below the core from which on it is a note, a warning."""


def find_k_core(data: Dataset) -> Iterator[Finding]:
    """The least number of rows that a user, an item has over all parts, and how many have fewer in training.

    A least number above 2 means that rows were counted before the split, test rows among them.
    """
    rows = [data.part(part) for part in (TRAIN, VALIDATION, TEST)] + list(data.given.values())
    for side in (USER, ITEM):
        counts = (
            pl.concat([part[side] for part in rows])
            .value_counts()
            .join(data.train[side].value_counts(name="trained"), on=side, how="left")
        )
        core = int(counts["count"].min() or 0)  # type: ignore[arg-type]
        below = float(counts.select((pl.col("trained").fill_null(0) < core).mean()).item())
        filtered = core > 2
        yield Finding(
            f"core of {side}s",
            grade(below, BELOW) if filtered else "ok",
            below,
            f"share of {side}s",
            f"have fewer than {core} training rows, and every {side} has {core} over all parts: the core was taken "
            "before the split, so that test rows decide who is measured"
            if filtered
            else f"no core was taken: the least {side} has {core} row{'s' * (core != 1)}",
            "say so beside the figures; to go without, take the core of training rows alone" if filtered else "",
        )
