"""EncodedInteractions: interactions on disk as row numbers in a stable order, read a block of users at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.ids import IdMap
from reccl.data.ingest.spill import spill
from reccl.data.splits.holdout import sort_rows
from reccl.lazy import np

BLOCK = 2**22
"""Rows that are sorted at once, or those of one user who has more."""


@dataclass(frozen=True)
class EncodedInteractions:
    """Files of interactions, one after the other in the order of `sort_rows`; ids are row numbers (Int32).

    Row numbers have the order of the raw ids, so a split of the one is a split of the other.
    """

    user_ids: IdMap  # [U]
    item_ids: IdMap  # [I]
    blocks: tuple[Path, ...]

    @classmethod
    def encode(cls, rows: pl.LazyFrame, folder: Path) -> EncodedInteractions:
        """Number, then sort, rows of raw ids; files go to `folder`."""
        users, items = (
            IdMap.fit(rows.select(side).unique().collect(engine="streaming").to_series()) for side in (USER, ITEM)
        )
        for side, ids in ((USER, users), (ITEM, items)):
            joined = rows.join(ids.to_table("__row").lazy(), left_on=side, right_on="id", how="left")
            rows = joined.with_columns(pl.col("__row").alias(side)).drop("__row")
        encoded = spill(rows, folder / "numbered.parquet")
        blocks = []
        for number, wanted in enumerate(_iterate_blocks(encoded)):
            some = encoded.filter(wanted).collect(engine="streaming")
            blocks.append(folder / f"block-{number}.parquet")
            sort_rows(some).write_parquet(blocks[-1], compression="lz4")
        return cls(users, items, tuple(blocks))

    def select(self, columns: list[str]) -> pl.DataFrame:
        """Some columns of all rows."""
        return pl.concat([pl.read_parquet(block, columns=columns) for block in self.blocks])

    def filter(self, keep: pl.Series) -> pl.DataFrame:
        """The rows for which `keep` [n] is true."""
        kept, start = [], 0
        for block in self.blocks:
            rows = pl.read_parquet(block)
            kept.append(rows.filter(keep[start : start + rows.height]))
            start += rows.height
        return pl.concat(kept)


def _iterate_blocks(encoded: pl.LazyFrame) -> Iterator[pl.Expr]:
    """Conditions on users, ascending, each of which about BLOCK rows meet; rows without a user come first."""
    counts = encoded.group_by(USER).len().collect(engine="streaming").drop_nulls().sort(USER)
    block = counts["len"].cum_sum().to_numpy() // BLOCK  # [U] which one each user is in
    edges = counts[USER].to_numpy()[np.flatnonzero(np.diff(block)) + 1].tolist()
    for first, beyond in zip([None, *edges], [*edges, None], strict=True):
        wanted = pl.lit(True) if beyond is None else pl.col(USER) < beyond
        yield wanted | pl.col(USER).is_null() if first is None else wanted & (pl.col(USER) >= first)
