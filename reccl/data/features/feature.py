"""Feature: one column of a table of users or items as numbers; what it has to know is learned from training nodes."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class FeatureState:
    """What a kind of feature learned. With the settings, it is all that transforming new tables takes."""

    values: dict[str, Any] = field(default_factory=dict)  # as JSON has them
    tensors: dict[str, Tensor] = field(default_factory=dict)


class FeatureSettings(Settings):
    """A kind of feature: how a column becomes F numbers a row.

    `fit` is given the values of training nodes and nothing else; `transform` and `encode` take any values, also those
    of new tables. They raise ValueError for values that cannot be read, without the column's name: `FittedFeature`
    adds it.
    """

    kind: str
    """Which kind."""

    def fit(self, trained: pl.Series) -> FeatureState:
        """Learn from the values of the training nodes."""
        raise NotImplementedError

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """[F] names: `name` itself for a number, `name=word` for a word, `name~part` for what is computed."""
        raise NotImplementedError

    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        """[n, F] float32, finite; 0 where missing."""
        raise NotImplementedError

    def encode(self, column: pl.Series, state: FeatureState) -> tuple[Tensor, int] | None:
        """Codes [n], or [n, longest] padded with 0, and their number; 0 is unknown. None for kinds without words."""
        return None

    def bound(self) -> FeatureSettings:
        """The kind for a matrix, which has a column for each word: no more of them than memory allows."""
        return self

    def count_words(self, state: FeatureState) -> int | None:
        """Size of the vocabulary; None where the kind has none."""
        words = state.values.get("words")
        return None if words is None else len(words)

    def is_known(self, column: pl.Series) -> pl.Series:
        """[n] bool: where the column has a value."""
        return column.is_not_null()
