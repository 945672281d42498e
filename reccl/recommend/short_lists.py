"""Short lists: how many lists hold fewer items than were asked for, and why."""

import polars as pl

from reccl.data.columns import USER
from reccl.recommend.rules.resolved import ResolvedRules


class ShortLists:
    """Counts whole lists as they pass."""

    def __init__(self, k: int, num_items: int, rules: ResolvedRules) -> None:
        self.k, self.num_items, self.rules = k, num_items, rules
        self.whole = 0

    def count(self, lists: pl.DataFrame) -> pl.DataFrame:
        """Count the lists of a table, each of which is in one table; the table."""
        self.whole += int((lists.group_by(USER).len()["len"] >= self.k).sum())
        return lists

    def describe(self, users: int) -> str | None:
        """One line about the short lists of so many users; None where there are none."""
        short = users - self.whole
        if not short:
            return None
        return f"{short:,} of {users:,} lists have fewer than {self.k} items: {'; '.join(self.reasons())}"

    def reasons(self) -> list[str]:
        """What may shorten a list."""
        left = self.num_items if self.rules.allowed is None else int(self.rules.allowed.sum())
        if left < self.k:
            return [
                f"there are {left:,}" if left == self.num_items else f"the rules leave {left:,} of {self.num_items:,}"
            ]
        found = ["their users have or may not get the others"]
        if left < self.num_items:
            found.append(f"the rules leave {left:,} of {self.num_items:,} items")
        if self.rules.candidates is not None:
            found.append("some users have few candidates")
        if self.rules.caps:
            found.append("no more fit into the limits of --at-most")
        return found
