"""Predefined: the data says itself which rows are train, validation and test."""

from typing import ClassVar, Literal

import numpy as np
import polars as pl
from typing_extensions import override

from reccl.data.columns import PART, PARTS, TEST, TRAIN, VALIDATION
from reccl.data.splits.holdout import Fraction, Held, Split, of_each_user
from reccl.errors import DataError, listed


class Predefined(Split):
    """Use the parts that the files define; carve validation rows out of train where they define none."""

    kind: Literal["predefined"] = "predefined"
    reads: ClassVar[tuple[str, ...]] = (PART,)
    validation: Fraction = 0.1
    """Share of each user's training rows that is validated on, where the files hold no validation rows."""

    @override
    def held(self, rows: pl.DataFrame) -> Held:
        if PART not in rows.columns:
            raise DataError(
                "split 'predefined' needs files or a column that say which rows are test; this data has neither"
            )
        if strange := set(rows[PART].unique().to_list()) - set(PARTS):
            raise DataError(f"column {PART!r} holds {listed(map(repr, strange))}; it may hold {listed(PARTS)}")
        test, validation = rows[PART] == TEST, rows[PART] == VALIDATION
        if validation.any():
            return Held(test, validation)
        trained = rows[PART] == TRAIN
        carved = np.zeros(rows.height, dtype=bool)
        random = np.random.default_rng(self.seed)
        carved[trained.to_numpy()] = of_each_user(rows.filter(trained), self.validation, random).to_numpy()
        return Held(test, pl.Series(carved))
