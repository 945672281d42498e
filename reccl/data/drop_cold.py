"""Drop cold: leave out the held-out rows whose user or item has no training rows."""

import polars as pl

from reccl.data.ingest.funnel import Count


def drop_cold(
    parts: dict[str, pl.DataFrame], known: dict[str, pl.Series]
) -> tuple[dict[str, pl.DataFrame], tuple[Count, ...]]:
    """Drop rows whose user or item is not among the known ones, which are numbered anew without gaps."""
    counts = []
    for side, rows in known.items():
        anew = pl.DataFrame({side: rows, "__row": pl.int_range(len(rows), dtype=pl.Int32, eager=True)})
        for part, table in parts.items():
            found = table.join(anew, on=side, how="inner", maintain_order="left")
            parts = {**parts, part: found.with_columns(pl.col("__row").alias(side)).drop("__row")}
        counts.append(Count(f"{side} has training rows", sum(table.height for table in parts.values())))
    return parts, tuple(counts)
