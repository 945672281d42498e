"""Categorical: one of a few words."""

from typing import Annotated, Literal

import polars as pl
import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, Learned
from reccl.data.features.words import as_words, codes_of, one_hot, vocabulary


class OneWord(FeatureSettings):
    """One word a row: what categorical and prefix share."""

    min_count: Annotated[int, Field(ge=1)] = 1
    """Words of fewer trained rows count as unknown."""
    unknown: bool = False
    """A column of its own, `name~unknown`, for what is missing, rare, or new."""

    def words(self, column: pl.Series) -> pl.Series:
        """The column as text."""
        return as_words(column)

    @override
    def fit(self, trained: pl.Series) -> Learned:
        return Learned({"words": vocabulary(self.words(trained), self.min_count)})

    @override
    def columns(self, name: str, learned: Learned) -> list[str]:
        return [f"{name}={word}" for word in learned.values["words"]] + [f"{name}~unknown"] * self.unknown

    @override
    def matrix(self, column: pl.Series, learned: Learned) -> Tensor:
        codes, size = self.codes(column, learned)
        made = one_hot(codes, size)  # [n, V]
        return torch.cat([made, (codes == 0)[:, None].float()], 1) if self.unknown else made

    @override
    def codes(self, column: pl.Series, learned: Learned) -> tuple[Tensor, int]:
        known = learned.values["words"]
        return codes_of(self.words(column), known), len(known) + 1


class Categorical(OneWord):
    """One column a word: 1 in the row's own, all 0 where the word is missing, rare, or new."""

    kind: Literal["categorical"] = "categorical"
