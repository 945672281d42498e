"""Random per user: a share of every user's interactions is held out."""

from typing import Literal

import polars as pl
from typing_extensions import override

from reccl.data.splits.holdout import Fraction, Held, Split, hold_out, of_each_user


class RandomPerUser(Split):
    """Hold out a random share of each user's rows (the 75/25 and 80/20 protocols of the literature).

    The number of rows is rounded per user, and every user keeps at least one training row.
    """

    kind: Literal["random_per_user"] = "random_per_user"
    test: Fraction = 0.2
    """Share of each user's rows that is tested on."""
    validation: Fraction = 0.1
    """Share of each user's remaining rows that is validated on."""

    @override
    def held(self, rows: pl.DataFrame) -> Held:
        return hold_out(
            rows,
            test=lambda frame, random: of_each_user(frame, self.test, random),
            validation=lambda frame, random: of_each_user(frame, self.validation, random),
            seed=self.seed,
        )
