"""Funnel: a lazy table that remembers how many rows each named step let through."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Self

import polars as pl


@dataclass(frozen=True)
class Count:
    """Rows left after one step."""

    step: str
    rows: int


@dataclass(frozen=True)
class Funnel:
    """A chain of lazy steps. Nothing runs until `collect`, which makes one pass for the table and all its counts.

    >>> ratings = pl.LazyFrame({"user": [1, 1, 2], "item": [1, 2, 1], "rating": [5.0, 2.0, 4.0]})
    >>> funnel = Funnel.read(ratings).then("rating >= 3", lambda frame: frame.filter(pl.col("rating") >= 3))
    >>> print(describe(funnel.collect()[1]))
    3 read -> 2 rating >= 3
    """

    frame: pl.LazyFrame
    passed: tuple[tuple[str, pl.LazyFrame], ...]

    @classmethod
    def read(cls, frame: pl.LazyFrame, step: str = "read") -> Self:
        """Start from raw rows."""
        return cls(frame, ((step, frame),))

    def then(self, step: str, function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Self:
        """Apply one named step."""
        frame = function(self.frame)
        return type(self)(frame, (*self.passed, (step, frame)))

    def collect(self) -> tuple[pl.DataFrame, tuple[Count, ...]]:
        """Run the chain: the final table and the row count after every step."""
        lengths = [frame.select(pl.len()) for _, frame in self.passed]
        table, *counts = pl.collect_all([self.frame, *lengths], engine="streaming")
        return table, tuple(Count(step, int(n.item())) for (step, _), n in zip(self.passed, counts, strict=True))


def describe(counts: tuple[Count, ...]) -> str:
    """`100,000 read -> 82,520 rating >= 3`."""
    return " -> ".join(f"{count.rows:,} {count.step}" for count in counts)
