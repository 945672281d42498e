"""What every split shares: a stable order of rows, a seeded draw, and parts by name."""

from typing import Annotated, Protocol

import numpy as np
import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM, PART, TEST, TRAIN, USER, VALIDATION
from reccl.settings import Settings

Fraction = Annotated[float, Field(ge=0, lt=1)]


class Split(Settings):
    """Fields common to every split."""

    seed: int = 42
    """Seed of every random choice of the split; independent of the training seed."""
    keep_cold: bool = True
    """Keep held-out rows whose user or item has no training row (they count in the metrics); false drops them."""

    def assign(self, interactions: pl.DataFrame) -> pl.DataFrame:
        """The rows in a canonical order, with a `part` column: train, validation or test."""
        raise NotImplementedError


class HoldOut(Protocol):
    """A rule that takes rows out of a table: True for each row that is held out."""

    def __call__(self, frame: pl.DataFrame, random: np.random.Generator, /) -> pl.Series:
        """True for each row to hold out."""
        ...


def canonical(interactions: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by all their columns, so that a split does not depend on the order of the raw file."""
    keys = [USER, ITEM, *(name for name in interactions.columns if name not in (USER, ITEM))]
    return interactions.sort(keys)


def hold_out(interactions: pl.DataFrame, *, test: HoldOut, validation: HoldOut, seed: int) -> pl.DataFrame:
    """Hold test rows out of all rows, then validation rows out of what remains."""
    random = np.random.default_rng(seed)
    frame = canonical(interactions)
    in_test = test(frame, random)
    in_validation = np.zeros(frame.height, dtype=bool)
    in_validation[~in_test.to_numpy()] = validation(frame.filter(~in_test), random).to_numpy()
    return parts(frame, in_test, pl.Series(in_validation))


def parts(frame: pl.DataFrame, test: pl.Series, validation: pl.Series) -> pl.DataFrame:
    """Name each row's part from two masks."""
    return frame.with_columns(
        pl.when(test).then(pl.lit(TEST)).when(validation).then(pl.lit(VALIDATION)).otherwise(pl.lit(TRAIN)).alias(PART)
    )


def of_each_user(frame: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """A random `fraction` of every user's rows (rounded), always leaving one row."""
    drawn = frame.select(USER, draw=pl.Series(random.random(frame.height)))
    held = pl.min_horizontal((pl.len() * fraction).round(), pl.len() - 1).over(USER)
    return drawn.select(pl.col("draw").rank("ordinal").over(USER) <= held).to_series()


def anywhere(frame: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """A random `fraction` of all rows (rounded)."""
    chosen = np.zeros(frame.height, dtype=bool)
    chosen[random.permutation(frame.height)[: round(frame.height * fraction)]] = True
    return pl.Series(chosen)
