"""Tables: what a pipeline makes of raw files, still in raw ids."""

from dataclasses import dataclass

import polars as pl

from reccl.data.ingest.funnel import Funnel


@dataclass(frozen=True)
class Tables:
    """Interactions and, where the data has them, what is known of users and items.

    `interactions` holds `user`, `item` and any of the optional columns of `reccl.data.columns`.
    `users` and `items` hold one row an id, keyed by `user` or `item`; every other column is a feature
    (text, category, number, or a list of categories).
    """

    interactions: Funnel
    users: pl.LazyFrame | None = None
    items: pl.LazyFrame | None = None
    notes: tuple[str, ...] = ()
    """What a user may want to know of how the files were read, a line each."""
    repeats: bool = False
    """Whether a (user, item) may have several rows, whose weights are summed once the rows are split."""
