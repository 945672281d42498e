"""Words: the vocabulary of a column, and its rows as codes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import polars as pl

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

MOST_WORDS = 2_000
"""Words of a column that become columns of a matrix, at most, unless `vocabulary` says otherwise: a ridge on F columns
takes memory by their square, and a matrix of 100,000 nodes by so many columns 0.8 GB."""


def to_words(column: pl.Series) -> pl.Series:
    """Any column of single values as text; whole numbers are written alike whether stored as integers or not."""
    if column.dtype.is_float():
        whole = (column.is_finite() & (column == column.floor())).fill_null(False)
        small = pl.when(whole & (column.abs() < 2**53)).then(column).cast(pl.Int64).cast(pl.String)
        finite = pl.when(column.is_finite()).then(column).cast(pl.String)
        return pl.select(pl.coalesce(small, finite).alias(column.name)).to_series()
    return column.cast(pl.String)


def build_vocabulary(words: pl.Series, min_count: int = 1, most: int | None = None) -> list[str]:
    """The words with `min_count` rows, of these the `most` frequent ones (None: all; ties by the alphabet), sorted.

    >>> build_vocabulary(pl.Series(["c", "b", "c", "a"]), most=2)
    ['a', 'c']
    """
    counts = words.drop_nulls().alias("word").value_counts().filter(pl.col("count") >= min_count)
    if most is not None and counts.height > most:
        counts = counts.sort("count", "word", descending=[True, False]).head(most)
    return counts["word"].sort().to_list()


def encode_words(words: pl.Series, known: list[str]) -> Tensor:
    """[n] the place of each word in the vocabulary, from 1; 0 where it is missing or not known."""
    old, new = pl.Series(known, dtype=pl.String), pl.int_range(1, len(known) + 1, eager=True)
    codes = words.replace_strict(old, new, default=0, return_dtype=pl.Int64)
    return torch.from_numpy(codes.to_numpy(writable=True))


def one_hot(codes: Tensor, size: int) -> Tensor:
    """Codes [n] below `size` -> [n, size - 1] float32; all zero for code 0."""
    made = torch.zeros(len(codes), size - 1)
    known = codes.nonzero().squeeze(1)
    made[known, codes[known] - 1] = 1
    return made
