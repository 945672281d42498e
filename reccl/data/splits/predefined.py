"""Predefined: the data itself says which rows are train, validation and test."""

from __future__ import annotations

from typing import ClassVar, Literal

import polars as pl
from typing_extensions import override

from reccl.data.columns import PART, PARTS, TEST, TRAIN, VALIDATION
from reccl.data.splits.holdout import Fraction, HeldOut, Split, sample_per_user
from reccl.errors import DataError, join_names
from reccl.lazy import np


class Predefined(Split):
    """Use the parts that the data defines; sample validation rows from train where it defines none.

    >>> rows = pl.DataFrame({"user": [0, 0, 0], "item": [4, 5, 6], "part": ["train", "test", "train"]})
    >>> test, validation, *_ = Predefined(validation=0.5).split(rows)
    >>> test.to_list(), validation.sum()
    ([False, True, False], 1)
    """

    kind: Literal["predefined"] = "predefined"
    reads: ClassVar[tuple[str, ...]] = (PART,)
    validation: Fraction = 0.1
    """Share of each user's training rows that go to validation, where the data has no validation rows."""

    @override
    def split(self, rows: pl.DataFrame) -> HeldOut:
        if PART not in rows.columns:
            raise DataError(
                "split 'predefined' needs files or a column that say which rows are test; this data has neither"
            )
        if strange := set(rows[PART].unique().to_list()) - set(PARTS):
            raise DataError(f"column {PART!r} holds {join_names(map(repr, strange))}; it may hold {join_names(PARTS)}")
        test, validation = rows[PART] == TEST, rows[PART] == VALIDATION
        if validation.any():
            return HeldOut(test, validation)
        trained = rows[PART] == TRAIN
        sampled = np.zeros(rows.height, dtype=bool)
        random = np.random.default_rng(self.seed)
        sampled[trained.to_numpy()] = sample_per_user(rows.filter(trained), self.validation, random).to_numpy()
        return HeldOut(test, pl.Series(sampled))
