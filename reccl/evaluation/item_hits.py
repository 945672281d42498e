"""Item hits: of every item, how many users hold it out, and how many of them find it in their lists."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.data.columns import ITEM
from reccl.data.ids import IdMap
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

FORMAT, FORMAT_KEY = "1", "reccl.item_hits"
TITLES = ("title", "name")
"""Columns of the items by which people know them; the first that the data has is kept beside the numbers."""
TITLE, RELEVANT = "title", "relevant"


@dataclass(frozen=True)
class ItemHits:
    """Counts of one held-out part: what a run keeps in place of everybody's lists."""

    relevant: Tensor  # [I] users who hold the item out
    hits: Mapping[int, Tensor]  # k -> [I] those of them who have it among the first k of their list
    listed: Mapping[int, Tensor]  # k -> [I] users with held-out items who have it there, hit or not

    @classmethod
    def of(cls, lists: Tensor, found: Tensor, relevant: Tensor, cutoffs: Sequence[int]) -> Self:
        """Count lists.

        Args:
            lists: [n, K] items of every user, best first; -1 where a list ends.
            found: [n, K] whether each is a hit.
            relevant: [I] users who hold each item out.
            cutoffs: k, at most K.

        >>> lists, found = torch.tensor([[0, 2], [0, -1]]), torch.tensor([[False, True], [True, False]])
        >>> made = ItemHits.of(lists, found, torch.tensor([1, 0, 1]), [1, 2])
        >>> made.hits[1].tolist(), made.hits[2].tolist(), made.listed[2].tolist()
        ([1, 0, 0], [1, 0, 1], [2, 0, 1])
        """
        listed = {k: count(lists[:, :k], lists[:, :k] >= 0, len(relevant)) for k in cutoffs}
        hits = {k: count(lists[:, :k], found[:, :k].bool(), len(relevant)) for k in cutoffs}
        return cls(relevant.cpu(), hits, listed)

    def to_frame(self, ids: IdMap, table: pl.DataFrame | None = None) -> pl.DataFrame:
        """A row for every item that is held out or listed: raw id, title where the table [I] has one, counts."""
        columns = {RELEVANT: self.relevant, **{f"hits_at_{k}": of for k, of in self.hits.items()}}
        columns |= {f"listed_at_{k}": of for k, of in self.listed.items()}
        counts = {name: pl.Series(of.int().numpy()) for name, of in columns.items()}
        named = next((table[name] for name in TITLES if table is not None and name in table.columns), None)
        title = {TITLE: named} if named is not None and named.dtype == pl.String else {}
        return pl.DataFrame({ITEM: ids.ids, **title, **counts}).filter(pl.any_horizontal(pl.col(*counts) > 0))


def count(lists: Tensor, which: Tensor, items: int) -> Tensor:
    """How often every item is where `which` is true: [I]."""
    return torch.bincount(lists[which].cpu(), minlength=items)


def write_item_hits(frame: pl.DataFrame, path: Path) -> None:
    """As Parquet that says of which format it is."""
    frame.write_parquet(path, compression="zstd", metadata={FORMAT_KEY: FORMAT})


def read_item_hits(path: Path) -> pl.DataFrame | None:
    """What `write_item_hits` wrote; None where it is of another format. Raises OSError where there is no file."""
    return pl.read_parquet(path) if pl.read_parquet_metadata(path).get(FORMAT_KEY) == FORMAT else None
