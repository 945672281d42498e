"""Remarks: what one may want to know of a data set's sizes before training on it."""

from collections.abc import Mapping

import polars as pl

from reccl.data.columns import TEST, TRAIN, VALIDATION

FEW = 20
"""Training rows below which a run says that they are few."""


def remark_on_sizes(parts: Mapping[str, pl.DataFrame]) -> tuple[str, ...]:
    """A line where there is next to nothing to learn from, or nothing to measure on."""
    rows, held = parts[TRAIN].height, parts[TEST].height + parts[VALIDATION].height
    few = f"{rows:,} training row{'s' * (rows != 1)}: too few to learn from" if rows < FEW else ""
    none = "nothing is held out: no metric says how good the model is" if not held else ""
    return tuple(note for note in (few, none) if note)
