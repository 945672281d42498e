"""Aligned: a table of features in the order of the rows that a data set gives its users or items."""

import polars as pl

from reccl.data.ids import IdMap, contrast_ids
from reccl.errors import DataError


def align(table: pl.LazyFrame | None, key: str, ids: IdMap) -> tuple[pl.DataFrame | None, tuple[str, ...]]:
    """[n] features in row-number order: one row an id, null where the table does not have it; and what did not match.

    Of rows with one id the first counts. Raises DataError where no id of the table is among `ids`.
    """
    if table is None:
        return None, ()
    features = table.collect()
    named = features.drop_nulls(key)
    distinct = named.unique(key, keep="first", maintain_order=True)
    rows = distinct.select(ids.to_rows(distinct[key]).alias("__row"), pl.exclude(key)).drop_nulls("__row")
    if rows.is_empty() and len(distinct) and len(ids):
        raise DataError(
            f"no {key} of the table of {key}s has interactions: {contrast_ids(distinct[key], ids)}; "
            f"set {key}s_id to the column with the ids"
        )
    everyone = pl.select(pl.int_range(len(ids), dtype=pl.Int32).alias("__row"))
    aligned = everyone.join(rows, on="__row", how="left", maintain_order="left").drop("__row")
    left_out = {"have no id": features.height - named.height, "repeat an id": named.height - distinct.height}
    notes = [f"{number:,} rows {why}: left out" for why, number in left_out.items() if number]
    if rows.height < len(ids):
        notes.append(f"{len(ids) - rows.height:,} of {len(ids):,} {key}s are not in it: their features are missing")
    if rows.height < distinct.height:
        notes.append(f"{distinct.height - rows.height:,} {key}s have no interactions")
    return aligned, tuple(f"the table of {key}s: {note}" for note in notes)


def with_ids(name: str, ids: IdMap, table: pl.DataFrame | None) -> pl.DataFrame:
    """A column of raw ids, and the features where there are any."""
    frame = ids.ids.alias(name).to_frame()
    return frame if table is None else frame.hstack(table)
