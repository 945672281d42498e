"""New item count: what share of rows and lists items without training rows have."""

from dataclasses import dataclass, field

import polars as pl

from reccl.cold_start.sources import CONTENT
from reccl.data.columns import ITEM, USER
from reccl.recommend.extended_model import ExtendedModel
from reccl.recommend.rules.new_items import PlacesBefore
from reccl.recommend.rules.resolved import ResolvedRules


@dataclass
class NewItemCount:
    """Counts as lists pass."""

    ids: pl.Series
    before: PlacesBefore | None = None  # what new items had without a share or a boost, where they have one
    rows: int = 0
    lists: int = 0
    all_rows: int = 0
    all_lists: int = 0
    seen: set[object] = field(default_factory=set)

    @classmethod
    def of(cls, extended: ExtendedModel, rules: ResolvedRules) -> "NewItemCount":
        """Nothing counted yet."""
        new = pl.Series((extended.item_source == CONTENT).cpu().numpy())
        before = None if rules.new_items is None else rules.places_before
        return cls(extended.model.item_ids.ids.filter(new), before)

    def count(self, lists: pl.DataFrame) -> pl.DataFrame:
        """Count the lists of a table, each of which is in one table; the table."""
        self.all_rows, self.all_lists = self.all_rows + lists.height, self.all_lists + lists[USER].n_unique()
        new = lists.filter(pl.col(ITEM).is_in(self.ids.implode()))
        self.rows, self.lists = self.rows + new.height, self.lists + new[USER].n_unique()
        self.seen.update(new[ITEM].unique())
        return lists

    def describe(self) -> str | None:
        """One line; None where the model knows no new items, or no list has passed."""
        if self.ids.is_empty() or not self.all_rows:
            return None
        told = "" if self.before is None else f" ({self.before.count / self.all_rows:.1%} by their scores alone)"
        return (
            f"new items: {self.rows / self.all_rows:.1%} of the rows{told}, "
            f"in {self.lists:,} of {self.all_lists:,} lists; {len(self.seen):,} of {len(self.ids):,} are in a list"
        )
