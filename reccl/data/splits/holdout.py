"""What every split shares: a stable order of rows, a seeded draw, and masks of what is held out."""

from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar, NamedTuple, Protocol

import numpy as np
import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM, PART, TEST, TRAIN, USER, VALIDATION
from reccl.settings import Settings

Fraction = Annotated[float, Field(ge=0, lt=1)]
BLOCK = 2**20
"""Rows, or one user's if that has more, that are ranked at once."""


class Held(NamedTuple):
    """What a split takes out of [n] rows; the rest is train."""

    test: pl.Series  # [n] bool
    validation: pl.Series  # [n] bool; where test is true, it does not count


class Split(Settings):
    """Fields common to every split."""

    seed: int = 42
    """Seed of every random choice of the split; independent of the training seed."""
    keep_cold: bool = True
    """Keep held-out rows whose user or item has no training row (they count in the metrics); false drops them."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The columns, besides `user`, that `held` looks at."""

    def held(self, rows: pl.DataFrame) -> Held:
        """Which rows are held out, of rows in canonical order: `user` and those of `reads` that the data has.

        Ids may be raw or row numbers: these have the same order.
        """
        raise NotImplementedError

    def assign(self, interactions: pl.DataFrame) -> pl.DataFrame:
        """The rows in a canonical order, with a `part` column: train, validation or test."""
        frame = canonical(interactions)
        test, validation = self.held(frame)
        named = pl.when(test).then(pl.lit(TEST)).when(validation).then(pl.lit(VALIDATION)).otherwise(pl.lit(TRAIN))
        return frame.with_columns(named.alias(PART))


class HoldOut(Protocol):
    """A rule that takes rows out of a table: True for each row that is held out."""

    def __call__(self, frame: pl.DataFrame, random: np.random.Generator, /) -> pl.Series:
        """True for each row to hold out."""
        ...


def canonical(interactions: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by all their columns, so that a split does not depend on the order of the raw file."""
    keys = [USER, ITEM, *(name for name in interactions.columns if name not in (USER, ITEM))]
    return interactions.sort(keys)


def hold_out(rows: pl.DataFrame, *, test: HoldOut, validation: HoldOut, seed: int) -> Held:
    """Hold test rows out of all rows, then validation rows out of what remains."""
    random = np.random.default_rng(seed)
    in_test = test(rows, random)
    in_validation = np.zeros(rows.height, dtype=bool)
    in_validation[~in_test.to_numpy()] = validation(rows.filter(~in_test), random).to_numpy()
    return Held(in_test, pl.Series(in_validation))


def of_each_user(rows: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """A random `fraction` of every user's rows (rounded), always leaving one row; rows in canonical order."""
    held = pl.min_horizontal((pl.len() * fraction).round(), pl.len() - 1).over(USER)

    def rule(some: pl.DataFrame) -> pl.Series:
        drawn = some.select(USER, draw=pl.Series(random.random(some.height)))
        return drawn.select(pl.col("draw").rank("ordinal").over(USER) <= held).to_series()

    return user_by_user(rows, rule)


def user_by_user(rows: pl.DataFrame, rule: Callable[[pl.DataFrame], pl.Series]) -> pl.Series:
    """A rule that looks at one user at a time, on rows in canonical order: some users at once, in bounded memory."""
    return pl.concat([rule(some) for some in _blocks(rows)])


def _blocks(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Rows in canonical order, about BLOCK at a time, never parting a user's; at least one table."""
    ends = rows[USER].rle().struct.field("len").cast(pl.Int64).cum_sum().to_numpy()  # [U] where each user's rows end
    start = 0
    while start < rows.height:
        end = int(ends[np.searchsorted(ends, min(start + BLOCK, rows.height))])
        yield rows[start:end]
        start = end
    if not rows.height:
        yield rows


def anywhere(frame: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """A random `fraction` of all rows (rounded)."""
    chosen = np.zeros(frame.height, dtype=bool)
    chosen[random.permutation(frame.height)[: round(frame.height * fraction)]] = True
    return pl.Series(chosen)
