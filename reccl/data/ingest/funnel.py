"""Funnel: a lazy table that remembers how many rows each named step let through."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Self, TypeVar

import polars as pl

from reccl.data.ingest.spill import spill

T = TypeVar("T")


@dataclass(frozen=True)
class Count:
    """Rows left after one step."""

    step: str
    rows: int


@dataclass(frozen=True)
class Funnel:
    """A chain of lazy steps. Nothing runs until `collect` or `sink`: one pass for the table and all its counts.

    >>> ratings = pl.LazyFrame({"user": [1, 1, 2], "item": [1, 2, 1], "rating": [5.0, 2.0, 4.0]})
    >>> funnel = Funnel.read(ratings).then("rating >= 3", lambda frame: frame.filter(pl.col("rating") >= 3))
    >>> print(describe(funnel.collect()[1]))
    3 read -> 2 rating >= 3
    """

    frame: pl.LazyFrame
    passed: tuple[tuple[str, list[int]], ...] = ()
    """Every step with the sizes of the batches that it let through."""

    @classmethod
    def read(cls, frame: pl.LazyFrame, step: str = "read") -> Self:
        """Start from raw rows."""
        return cls(frame).then(step, lambda raw: raw)

    def then(self, step: str, function: Callable[[pl.LazyFrame], pl.LazyFrame]) -> Self:
        """Apply one named step."""
        sizes: list[int] = []

        def count(batch: pl.DataFrame) -> pl.DataFrame:
            sizes.append(batch.height)
            return batch

        frame = function(self.frame).map_batches(count, streamable=True)
        return type(self)(frame, (*self.passed, (step, sizes)))

    def collect(self) -> tuple[pl.DataFrame, tuple[Count, ...]]:
        """Run the chain: the final table and the row count after every step."""
        return self._run(lambda frame: frame.collect(engine="streaming"))

    def sink(self, path: Path) -> tuple[pl.LazyFrame, tuple[Count, ...]]:
        """Run the chain into a Parquet file, for tables that need not fit in memory: that file, and the counts."""
        return self._run(lambda frame: spill(frame, path))

    def _run(self, run: Callable[[pl.LazyFrame], T]) -> tuple[T, tuple[Count, ...]]:
        """The result of running the chain in one way, and the row count after every step."""
        for _, sizes in self.passed:
            sizes.clear()
        return run(self.frame), tuple(Count(step, sum(sizes)) for step, sizes in self.passed)


def describe(counts: tuple[Count, ...]) -> str:
    """`100,000 read -> 82,520 rating >= 3`."""
    return " -> ".join(f"{count.rows:,} {count.step}" for count in counts)
