"""IdMap: the only place where raw ids become row numbers, and back."""

from dataclasses import dataclass
from typing import Self

import polars as pl


@dataclass(frozen=True)
class IdMap:
    """Raw ids of one kind, sorted; an id's row number is its place in that order.

    Sorting makes the numbering a function of the set of ids alone, whatever the order of the raw rows.

    >>> ids = IdMap.fit(pl.Series(["b", "a", "b"]))
    >>> ids.rows(pl.Series(["a", "b", "c"])).to_list()
    [0, 1, None]
    >>> ids.raw(pl.Series([1, 0])).to_list()
    ['b', 'a']
    """

    ids: pl.Series  # [n] sorted, unique, no nulls

    @classmethod
    def fit(cls, *raw: pl.Series) -> Self:
        """Number every distinct id of the given columns."""
        return cls(pl.concat([part.unique() for part in raw]).unique().drop_nulls().sort().alias("id"))

    def __len__(self) -> int:
        return len(self.ids)

    def rows(self, raw: pl.Series) -> pl.Series:
        """Row numbers (Int32) of raw ids, null where an id is unknown."""
        numbers = pl.DataFrame({"id": self.ids}).with_row_index("row").select("id", pl.col("row").cast(pl.Int32))
        wanted = raw.alias("id").cast(self.ids.dtype, strict=False).to_frame()
        return wanted.join(numbers, on="id", how="left", maintain_order="left").get_column("row").alias(raw.name)

    def raw(self, rows: pl.Series) -> pl.Series:
        """Raw ids of row numbers."""
        return self.ids.gather(rows).alias(rows.name)
