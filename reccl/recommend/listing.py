"""Listing: how the lists of any users are made, the same wherever they are scored."""

from collections.abc import Iterator
from dataclasses import dataclass, replace

import polars as pl

from reccl.encoders.tower import Towers
from reccl.recommend.batch import recommend
from reccl.recommend.extended_model import ExtendedModel
from reccl.recommend.item_columns import join_items
from reccl.recommend.rules import ResolvedRules


@dataclass(frozen=True)
class Listing:
    """A model and what is asked of it; called with users, it gives their lists as tables."""

    extended: ExtendedModel
    k: int = 20
    include_seen: bool | None = None
    rules: ResolvedRules | None = None
    beside: pl.DataFrame | None = None  # columns of the items to add, see `choose_item_columns`

    def __call__(self, users: pl.Series | None) -> Iterator[pl.DataFrame]:
        """The lists of `users`, or of everybody; see `reccl.recommend.batch.recommend`."""
        for lists in recommend(self.extended, users, self.k, include_seen=self.include_seen, rules=self.rules):
            yield lists if self.beside is None else join_items(lists, self.beside)

    def only_ranking(self) -> "Listing":
        """The same without what embeds new users and items, who are embedded by now."""
        model = replace(self.extended.model, towers=Towers(), feature_prior=None)
        return replace(self, extended=replace(self.extended, model=model))
