"""Categorical: one of a few words."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.words import MOST_WORDS, build_vocabulary, encode_words, one_hot, to_words
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class OneWord(FeatureSettings):
    """One word a row: what categorical and prefix share."""

    min_count: Annotated[int, Field(ge=1)] = 1
    """Words of fewer trained rows count as unknown."""
    vocabulary: Annotated[int, Field(ge=1)] | None = None
    """Most frequent words that are kept, the others count as unknown; empty: 2,000 where each becomes a column of a
    matrix (`cold_start`, `content_aligned`), all where an encoder learns an embedding of each."""
    unknown: bool = False
    """A column of its own, `name~unknown`, for what is missing, rare, or new."""

    def words(self, column: pl.Series) -> pl.Series:
        """The column as text."""
        return to_words(column)

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        return FeatureState({"words": build_vocabulary(self.words(trained), self.min_count, self.vocabulary)})

    @override
    def bound(self) -> FeatureSettings:
        return self if self.vocabulary else self.model_copy(update={"vocabulary": MOST_WORDS})

    @override
    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        return [f"{name}={word}" for word in state.values["words"]] + [f"{name}~unknown"] * self.unknown

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        codes, size = self.encode(column, state)
        made = one_hot(codes, size)  # [n, V]
        return torch.cat([made, (codes == 0)[:, None].float()], 1) if self.unknown else made

    @override
    def encode(self, column: pl.Series, state: FeatureState) -> tuple[Tensor, int]:
        known = state.values["words"]
        return encode_words(self.words(column), known), len(known) + 1


class Categorical(OneWord):
    """One column a word: 1 in the row's own, all 0 where the word is missing, rare, or new."""

    kind: Literal["categorical"] = "categorical"
