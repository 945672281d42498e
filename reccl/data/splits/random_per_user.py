"""Random per user: a share of every user's interactions is held out."""

from typing import ClassVar, Literal

import polars as pl
from typing_extensions import override

from reccl.data.splits.holdout import Fraction, HeldOut, Split, sample_per_user, split_in_turn


class RandomPerUser(Split):
    """Hold out a random share of each user's rows (the 75/25 and 80/20 protocols of the literature).

    The number of rows is rounded per user, and every user keeps at least one training row.

    >>> rows = pl.DataFrame({"user": [0] * 5 + [1] * 5 + [2], "item": [*range(10), 0]})
    >>> test, validation, *_ = RandomPerUser(test=0.2, validation=0.25).split(rows)
    >>> rows.filter(test)["user"].to_list(), rows.filter(validation)["user"].to_list()
    ([0, 1], [0, 1])
    """

    kind: Literal["random_per_user"] = "random_per_user"
    of_pairs: ClassVar[bool] = True
    test: Fraction = 0.2
    """Share of each user's rows that go to test."""
    validation: Fraction = 0.1
    """Share of each user's remaining rows that go to validation."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        return split_in_turn(
            rows,
            test=lambda frame, random: sample_per_user(frame, self.test, random),
            validation=lambda frame, random: sample_per_user(frame, self.validation, random),
            seed=self.seed,
        )
