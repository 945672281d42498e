"""Rules: what a shop wants of its lists, in raw ids and names of columns."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from math import inf
from typing import Any

from reccl.errors import ConfigError
from reccl.recommend.rules.diversity import Diversity


@dataclass(frozen=True)
class Rules:
    """What may stand in a list, and how it is put together from the best of what may.

    `where`, `allow`, `deny`, `exclude` and `candidates` are applied before the best k are chosen, so that they do not
    shorten a list as long as k items are left. `at_most` and `diversity` then choose among all that are left.

    >>> rules = Rules(where="price < 50 and in_stock", at_most={"category": 2})
    >>> model.recommend(k=10, rules=rules)  # doctest: +SKIP
    """

    where: str | None = None
    """A condition on the columns of the items; see `reccl.recommend.rules.where`."""
    allow: Any = None
    """Ids of the only items that may be recommended: a list, a series, or a table with `item`."""
    deny: Any = None
    """Ids of items that nobody gets."""
    exclude: Any = None
    """Pairs that may not be: a table with `user` and `item`."""
    candidates: Any = None
    """Each user's own candidates: a table with `user` and `item`; users who are not in it choose among all items."""
    at_most: Mapping[str, int] = field(default_factory=dict)
    """Column -> how many items of one of its values a list holds at most. A column of lists counts for each value;
    items without a value are not counted."""
    diversity: Diversity | None = None
    """Re-ranking of the best: `Mmr` or `Calibrated`."""

    new_item_share: float = 0.0
    """Share of a list's places that items without training rows have at least, where there are so many of them: the
    best of these take the last places of the others."""

    new_item_boost: float = 0.0
    """What is added to the scores of items without training rows before lists are made, in standard deviations of the
    user's hundred best scores. Lists stand in the order of boosted scores, and tell the model's."""

    def __post_init__(self) -> None:
        """Raise ConfigError for caps below one, and a share or boost that cannot be or not beside other rules."""
        if not 0 <= self.new_item_share <= 1:
            raise ConfigError(f"new_item_share {self.new_item_share}: a share is from 0 to 1, such as 0.1")
        if not 0 <= self.new_item_boost < inf:
            raise ConfigError(f"new_item_boost {self.new_item_boost}: a boost is a number from 0 up, such as 0.5")
        for name in ("new_item_share", "new_item_boost"):
            if getattr(self, name) and (self.at_most or self.diversity is not None):
                raise ConfigError(f"{name} cannot be kept beside at_most, mmr or calibrate: leave one of them out")
        for column, count in self.at_most.items():
            if not isinstance(count, int) or isinstance(count, bool) or count < 1:
                raise ConfigError(f"at_most {column}={count!r}: at least one item of a {column} must be allowed")
