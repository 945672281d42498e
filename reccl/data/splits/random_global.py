"""Random global: a share of all interactions is held out, whoever made them."""

from typing import ClassVar, Literal

import polars as pl
from typing_extensions import override

from reccl.data.splits.holdout import Fraction, HeldOut, Split, sample_rows, split_in_turn


class RandomGlobal(Split):
    """Hold out a random share of all rows. Users with few rows may lose all of them: they count as cold.

    >>> rows = pl.DataFrame({"user": [0] * 6 + [1] * 4, "item": range(10)})
    >>> test, validation, *_ = RandomGlobal(test=0.2, validation=0.25).split(rows)
    >>> test.sum(), validation.sum()
    (2, 2)
    """

    kind: Literal["random_global"] = "random_global"
    of_pairs: ClassVar[bool] = True
    test: Fraction = 0.2
    """Share of all rows that go to test."""
    validation: Fraction = 0.1
    """Share of the remaining rows that go to validation."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        return split_in_turn(
            rows,
            test=lambda frame, random: sample_rows(frame, self.test, random),
            validation=lambda frame, random: sample_rows(frame, self.validation, random),
            seed=self.seed,
        )
