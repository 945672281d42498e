"""Multi-hot: any number of words a row, such as the genres of a film."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.words import MOST_WORDS, build_vocabulary, encode_words, to_words
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


class MultiHot(FeatureSettings):
    """One column a word: 1 / (the row's distinct known words) in each of its own, so that a row sums to 1, or to 0.

    `normalize: length` divides by the square root of their number instead: rows of length 1, whose inner products are
    cosines.
    """

    kind: Literal["multi_hot"] = "multi_hot"
    min_count: Annotated[int, Field(ge=1)] = 1
    """Words of fewer trained rows count as unknown."""
    vocabulary: Annotated[int, Field(ge=1)] | None = None
    """Most frequent words that are kept, the others count as unknown; empty: 2,000 where each becomes a column of a
    matrix (`cold_start`, `content_aligned`), all where an encoder learns an embedding of each."""
    normalize: bool | Literal["length"] = True
    """Rows sum to 1; `length` gives them length 1; false writes a 1 for every word."""
    separator: Annotated[str, Field(min_length=1)] = "|"
    """What parts the words where the column is text and not a list."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        words = self.to_long(trained)["word"]
        return FeatureState({"words": build_vocabulary(words, self.min_count, self.vocabulary)})

    @override
    def bound(self) -> FeatureSettings:
        return self if self.vocabulary else self.model_copy(update={"vocabulary": MOST_WORDS})

    @override
    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        return [f"{name}={word}" for word in state.values["words"]]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        codes, size = self.encode(column, state)
        made = torch.zeros(len(column), size).scatter_(1, codes, 1.0)[:, 1:]  # [n, V]
        number = made.sum(1, keepdim=True).clamp(min=1)  # [n, 1]
        if self.normalize == "length":
            return made / number.sqrt()
        return made / number if self.normalize else made

    @override
    def encode(self, column: pl.Series, state: FeatureState) -> tuple[Tensor, int]:
        known, long = state.values["words"], self.to_long(column)
        place = long.select(pl.int_range(pl.len()).over("row")).to_series()
        padded = torch.zeros(len(column), int(place.max() or 0) + 1, dtype=torch.long)  # type: ignore[arg-type]
        at = (torch.from_numpy(each.to_numpy(writable=True)) for each in (long["row"], place))
        padded[tuple(at)] = encode_words(long["word"], known)
        return padded, len(known) + 1

    def is_known(self, column: pl.Series) -> pl.Series:
        """See `FeatureSettings.known`; a row without words has none."""
        return self.to_lists(column).list.drop_nulls().list.len().fill_null(0) > 0

    def to_long(self, column: pl.Series) -> pl.DataFrame:
        """One row a distinct word of a row: `row` is its place in the column."""
        rows = pl.DataFrame({"row": pl.int_range(len(column), eager=True), "word": self.to_lists(column)})
        words = (
            rows.explode("word", empty_as_null=True)
            .drop_nulls("word")
            .with_columns(pl.col("word").map_batches(to_words, return_dtype=pl.String))
        )
        return words.unique(maintain_order=True)  # a word counts once a row

    def to_lists(self, column: pl.Series) -> pl.Series:
        """The column as lists."""
        if isinstance(column.dtype, pl.List):
            return column
        if column.dtype not in (pl.String, pl.Null):
            raise ValueError(f"holds {column.dtype}, neither lists nor text; one word a row is kind categorical")
        return (
            column.cast(pl.String)
            .str.split(self.separator)
            .list.eval(pl.element().str.strip_chars().replace({"": None}).drop_nulls())
        )
