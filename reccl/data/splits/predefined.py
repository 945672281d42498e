"""Predefined: the data itself says which rows are train, validation and test."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.columns import ITEM, PART, PARTS, TEST, TRAIN, USER, VALIDATION
from reccl.data.splits.blocks import sample_blocks
from reccl.data.splits.holdout import Fraction, HeldOut, Split, sample_per_user
from reccl.errors import DataError, join_names
from reccl.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray


class Predefined(Split):
    """Use the parts that the data defines; sample validation rows from train where it defines none.

    >>> rows = pl.DataFrame({"user": [0, 0, 0], "item": [4, 5, 6], "part": ["train", "test", "train"]})
    >>> test, validation, *_ = Predefined(validation=0.5).split(rows)
    >>> test.to_list(), validation.sum()
    ([False, True, False], 1)
    """

    kind: Literal["predefined"] = "predefined"
    reads: ClassVar[tuple[str, ...]] = (PART, ITEM)
    validation: Fraction = 0.1
    """Share of each user's training rows that go to validation, at random, where the data has no validation rows."""
    block_users: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Share of the users whose validation rows are a block instead: one row and those most like it. For test parts that
    are the latest rows of lists without times, as Gowalla's: a row drawn at random has near neighbors in training,
    which the future has not."""
    block_rows: Fraction = 0.2
    """Share of such a user's training rows that are the block."""

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
        sampled[trained.to_numpy()] = self.sample(rows.filter(trained))
        return HeldOut(test, pl.Series(sampled))

    def sample(self, trained: pl.DataFrame) -> NDArray[np.bool_]:
        """True for each of [n] training rows that is for validation."""
        random = np.random.default_rng(self.seed)
        sampled = sample_per_user(trained, self.validation, random).to_numpy()
        if not (self.block_users and self.validation):
            return sampled
        number = trained[USER].rle_id().to_numpy()  # [n]
        users = random.random(int(number[-1]) + 1 if len(number) else 0) < self.block_users  # [U]
        return np.where(users[number], sample_blocks(trained, users, self.block_rows, random), sampled)
