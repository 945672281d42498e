"""What all splits share: a stable order of rows, seeded draws, and masks of the held-out rows."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Annotated, ClassVar, NamedTuple, Protocol

import polars as pl
from pydantic import Field

from reccl.data.columns import ITEM, TRAIN, USER, VALIDATION
from reccl.lazy import np
from reccl.settings import Settings

Fraction = Annotated[float, Field(ge=0, lt=1)]
BLOCK = 2**20
"""Rows that are ranked at once, or those of one user who has more."""


class HeldOut(NamedTuple):
    """Which of [n] rows are held out; the rest is train. Of several that are true for a row, the first counts."""

    test: pl.Series  # [n] bool
    validation: pl.Series  # [n] bool
    given_test: pl.Series | None = None  # [n] bool: not trained on, and known of the users of test; None: no row
    given_validation: pl.Series | None = None  # [n] bool: likewise of validation
    unused: pl.Series | None = None  # [n] bool: in no part

    def by_part(self) -> dict[str, pl.Series]:
        """Part -> which rows are its own, train included; each row once. The given parts only where there are some."""
        rest, found = ~pl.repeat(False, len(self.test), eager=True), dict[str, pl.Series]()
        for name, mask in zip(self._fields, self, strict=True):
            if mask is not None:
                found[name] = mask.fill_null(False) & rest  # rows without an id are never held out
                rest = rest & ~found[name]
        found.pop("unused", None)
        return {TRAIN: rest, VALIDATION: found.pop(VALIDATION), **found}


class Split(Settings):
    """Fields common to every split."""

    seed: int = 42
    """Seed of every random choice of the split; independent of the training seed."""
    keep_cold: bool = True
    """Keep held-out rows whose user or item has no training rows (they count in the metrics); false drops them."""
    reads: ClassVar[tuple[str, ...]] = ()
    """The columns, besides `user`, that `split` reads."""
    of_pairs: ClassVar[bool] = False
    """Whether all rows of one (user, item) go to one part; by time a pair may be in training and come again later."""
    of_users: ClassVar[bool] = False
    """Whether held-out users have no training row by design, so that they are never dropped as cold."""

    def split(self, rows: pl.DataFrame) -> HeldOut:
        """Which of [n] rows are held out.

        Args:
            rows: in the order of `sort_rows`; `user` and those columns of `reads` that the data has. Ids are raw ids or
                row numbers: both have the same order.

        """
        raise NotImplementedError

    def remark(self, rows: pl.DataFrame, held: HeldOut) -> tuple[str, ...]:
        """What one may want to know of the rows that were held out."""
        return ()


def hold_out(split: Split, rows: pl.DataFrame, *, repeats: bool) -> HeldOut:
    """Which of [n] rows a split holds out; where pairs have `repeats`, the rows of one stay together if it says so.

    `rows` hold the columns that the split reads, and `item` where there are repeats.
    """
    if not (repeats and split.of_pairs):
        return split.split(rows)
    pairs = rows.select(USER, ITEM)
    first = (pairs != pairs.shift()).select(pl.any_horizontal(pl.all().fill_null(True))).to_series()  # [n] of a pair
    place = first.cum_sum() - 1  # [n] which pair a row is of
    held = split.split(rows.filter(first))
    return HeldOut(**{name: mask.gather(place) for name, mask in held._asdict().items() if mask is not None})


class HoldOutRule(Protocol):
    """Which rows of a table to hold out."""

    def __call__(self, frame: pl.DataFrame, random: np.random.Generator, /) -> pl.Series:
        """True for each row to hold out."""
        ...


def sort_rows(interactions: pl.DataFrame) -> pl.DataFrame:
    """Rows sorted by all their columns, so that a split does not depend on the order of the raw file."""
    keys = [USER, ITEM, *(name for name in interactions.columns if name not in (USER, ITEM))]
    return interactions.sort(keys)


def split_in_turn(rows: pl.DataFrame, *, test: HoldOutRule, validation: HoldOutRule, seed: int) -> HeldOut:
    """Hold out test rows of all rows, then validation rows of those that remain."""
    random = np.random.default_rng(seed)
    in_test = test(rows, random)
    in_validation = np.zeros(rows.height, dtype=bool)
    in_validation[~in_test.to_numpy()] = validation(rows.filter(~in_test), random).to_numpy()
    return HeldOut(in_test, pl.Series(in_validation))


def sample_per_user(rows: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """True for a random `fraction` of each user's rows (rounded), all but one at most; in sorted rows."""
    most = pl.min_horizontal((pl.len() * fraction).round(), pl.len() - 1).over(USER)

    def rule(some: pl.DataFrame) -> pl.Series:
        drawn = some.select(USER, draw=pl.Series(random.random(some.height)))
        return drawn.select(pl.col("draw").rank("ordinal").over(USER) <= most).to_series()

    return apply_by_user(rows, rule)


def apply_by_user(rows: pl.DataFrame, rule: Callable[[pl.DataFrame], pl.Series]) -> pl.Series:
    """Apply a rule that looks at one user at a time to sorted rows: a block of users at once, in bounded memory."""
    return pl.concat([rule(block) for block in _iterate_blocks(rows)])


def _iterate_blocks(rows: pl.DataFrame) -> Iterator[pl.DataFrame]:
    """Sorted rows, about BLOCK at a time, each user's in one block; at least one table."""
    ends = rows[USER].rle().struct.field("len").cast(pl.Int64).cum_sum().to_numpy()  # [U] where each user's rows end
    start = 0
    while start < rows.height:
        end = int(ends[np.searchsorted(ends, min(start + BLOCK, rows.height))])
        yield rows[start:end]
        start = end
    if not rows.height:
        yield rows


def sample_rows(frame: pl.DataFrame, fraction: float, random: np.random.Generator) -> pl.Series:
    """True for a random `fraction` of all rows (rounded)."""
    chosen = np.zeros(frame.height, dtype=bool)
    chosen[random.permutation(frame.height)[: round(frame.height * fraction)]] = True
    return pl.Series(chosen)
