"""Slices: groups of users and items by their number of training interactions. All cut points stand here."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

FEW = 5
"""Most training interactions of a `few` node; it has at least one."""
HEAD = 0.5
"""Share of all training interactions that the `head` holds. At a half, head and tail weigh the same in training."""
MIN_COLD_SHARE = 0.01
"""Share of the held-out rows below which a side's cold nodes are an accident of the split, and no table shows them."""
SCENARIOS = ("cold", "warm", "overall")
"""Strict item cold start: what is ranked, and for whom, differs from the plain metrics; see `evaluate`."""
HARMONIC_MEANS = {
    "harmonic": ("cold", "warm"),
    "harmonic_users": ("cold_users", "warm_users"),
    "harmonic_items": ("cold_items", "warm_items"),
}
"""Harmonic means of two groups' means."""
SLICES = ("cold", "warm", "harmonic", "few", "head", "tail")
GROUPS = (*SCENARIOS, "harmonic", *(f"{kind}_{side}" for side in ("users", "items") for kind in SLICES))
"""Everything that metrics are measured for, beside all users and items."""


@dataclass(frozen=True)
class Slices:
    """Which users and items belong to which slice.

    Slices overlap: `few` nodes are in the tail, or, in a small world, in the head.
    """

    user_slices: Mapping[str, Tensor]  # e.g. cold_users -> [U] bool
    item_slices: Mapping[str, Tensor]  # e.g. cold_items -> [I] bool

    @classmethod
    def of(cls, trained: pl.DataFrame, num_users: int, num_items: int) -> Self:
        """Slices by the rows that are trained on (user, item: row numbers)."""
        sides = []
        for column, size, side in ((USER, num_users, "users"), (ITEM, num_items, "items")):
            counts = torch.bincount(torch.from_numpy(trained[column].to_numpy(writable=True)).long(), minlength=size)
            sides.append({f"{kind}_{side}": members for kind, members in slice_by_activity(counts).items()})
        return cls(*sides)

    def to(self, device: torch.device) -> Slices:
        """The same on another device."""
        sides = (self.user_slices, self.item_slices)
        return Slices(*({name: of.to(device) for name, of in side.items()} for side in sides))

    def cold_sides(self, relevant: pl.DataFrame) -> tuple[str, ...]:
        """Of users and items the sides whose cold nodes have at least MIN_COLD_SHARE of the given held-out rows."""
        shares = {
            "users": self.user_slices["cold_users"].cpu().numpy()[relevant[USER]].mean() if len(relevant) else 0,
            "items": self.item_slices["cold_items"].cpu().numpy()[relevant[ITEM]].mean() if len(relevant) else 0,
        }
        return tuple(side for side, share in shares.items() if share >= MIN_COLD_SHARE)

    def present_groups(self, relevant: pl.DataFrame) -> list[str]:
        """Which of `GROUPS` the given held-out rows have; the others are left out of every result."""
        user, item = (torch.from_numpy(relevant[side].to_numpy(writable=True)).long() for side in (USER, ITEM))
        found = {name for name, members in self.user_slices.items() if members[user].any()}
        found |= {name for name, members in self.item_slices.items() if members[item].any()}
        if "cold_items" in found:
            found |= {"cold"}
            if "warm_items" in found:
                cold, warm = (user[self.item_slices[name][item]] for name in ("cold_items", "warm_items"))
                found |= {"warm", "overall"} if torch.isin(cold, warm).any() else {"warm"}
        found |= {name for name, both in HARMONIC_MEANS.items() if found.issuperset(both)}
        return [name for name in GROUPS if name in found]


def slice_by_activity(counts: Tensor) -> dict[str, Tensor]:
    """Members of each slice by training interactions [n]: kind -> [n] bool.

    cold: none. warm: at least one (left out where no node is cold: it would be all). few: 1 to FEW. head: the
    most active nodes that together hold the HEAD share of all interactions, the node that crosses it included, ties by
    row number. tail: the other warm nodes. (Head and tail as in Performance of Recommender Algorithms on Top-N
    Recommendation Tasks, Cremonesi et al., RecSys 2010; https://doi.org/10.1145/1864708.1864721, whose head holds a
    third. Where we differ: a half, and cold nodes are no part of the tail.)
    """
    cold = counts == 0
    sorted_counts, order = counts.sort(descending=True, stable=True)
    before = sorted_counts.cumsum(0) - sorted_counts  # [n] interactions of all more active nodes
    head = torch.zeros_like(cold)
    head[order] = before < HEAD * counts.sum()
    head &= ~cold
    members = {"cold": cold, "warm": ~cold, "few": ~cold & (counts <= FEW), "head": head, "tail": ~cold & ~head}
    return members if cold.any() else {kind: of for kind, of in members.items() if kind != "warm"}
