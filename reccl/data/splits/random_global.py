"""Random global: a share of all interactions is held out, whoever made them."""

from typing import Literal

import polars as pl
from typing_extensions import override

from reccl.data.splits.holdout import Fraction, Held, Split, anywhere, hold_out


class RandomGlobal(Split):
    """Hold out a random share of all rows. Users with few rows may lose all of them: they are counted as cold."""

    kind: Literal["random_global"] = "random_global"
    test: Fraction = 0.2
    """Share of all rows that is tested on."""
    validation: Fraction = 0.1
    """Share of the remaining rows that is validated on."""

    @override
    def held(self, rows: pl.DataFrame) -> Held:
        return hold_out(
            rows,
            test=lambda frame, random: anywhere(frame, self.test, random),
            validation=lambda frame, random: anywhere(frame, self.validation, random),
            seed=self.seed,
        )
