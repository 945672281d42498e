"""Predefined: the data says itself which rows are train, validation and test."""

from typing import Literal

import numpy as np
import polars as pl

from reccl.data.columns import PART, PARTS, TEST, TRAIN, VALIDATION
from reccl.data.splits.holdout import Fraction, Split, canonical, of_each_user, parts
from reccl.errors import DataError, listed


class Predefined(Split):
    """Use the parts that the files define; carve validation rows out of train where they define none."""

    kind: Literal["predefined"] = "predefined"
    validation: Fraction = 0.1
    """Share of each user's training rows that is validated on, where the files hold no validation rows."""

    def assign(self, interactions: pl.DataFrame) -> pl.DataFrame:
        """See `Split.assign`."""
        if PART not in interactions.columns:
            raise DataError(
                "split 'predefined' needs files or a column that say which rows are test; this data has neither"
            )
        if strange := set(interactions[PART].unique().to_list()) - set(PARTS):
            raise DataError(f"column {PART!r} holds {listed(map(repr, strange))}; it may hold {listed(PARTS)}")
        frame = canonical(interactions)
        test, validation = frame[PART] == TEST, frame[PART] == VALIDATION
        if validation.any():
            return frame
        trained = frame.with_row_index("__row").filter(pl.col(PART) == TRAIN)
        carved = trained.filter(of_each_user(trained, self.validation, np.random.default_rng(self.seed)))["__row"]
        mask = np.zeros(frame.height, dtype=bool)
        mask[carved.to_numpy()] = True
        return parts(frame, test, pl.Series(mask))
