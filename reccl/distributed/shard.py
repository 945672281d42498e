"""Shard: which users and items are whose, and where their rows are once the rows of all ranks are gathered."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Literal

from reccl.data.columns import ITEM, USER
from reccl.distributed.group import Group
from reccl.lazy import functional, torch

if TYPE_CHECKING:
    from torch import Tensor

Side = Literal["user", "item"]


@dataclass(frozen=True)
class NodeRange:
    """The rows of one side (users, or items) over the ranks: a contiguous range for each, as long as any other or one
    row longer.

    >>> NodeRange(5, Group(0, 2)).bounds, NodeRange(5, Group(1, 2)).own
    ([0, 2, 5], slice(2, 5, None))
    """

    number: int  # rows of all ranks
    group: Group

    @cached_property
    def bounds(self) -> list[int]:
        """[W + 1] the first row of each rank, and `number`."""
        return [self.group.slice_of(self.number, rank).start for rank in range(self.group.size)] + [self.number]

    @property
    def own(self) -> slice:
        """The rows of this rank."""
        return self.group.slice_of(self.number)

    def size_on(self, rank: int) -> int:
        """How many rows a rank has."""
        return self.bounds[rank + 1] - self.bounds[rank]

    def owner(self, rows: Tensor) -> Tensor:
        """The rank of each row: [n] -> [n]."""
        return torch.bucketize(rows, torch.tensor(self.bounds[1:], device=rows.device), right=True)

    def place(self, rows: Tensor, stride: int) -> Tensor:
        """Where rows are in the gathered rows of all ranks, of which each gives `stride`: [n] -> [n]."""
        owner = self.owner(rows)
        return owner * stride + rows - torch.tensor(self.bounds, device=rows.device)[owner]


@dataclass(frozen=True)
class Shard:
    """The nodes of one rank: a range of the users, then a range of the items.

    >>> shard = Shard(NodeRange(4, Group(1, 2)), NodeRange(3, Group(1, 2)))
    >>> shard.nodes, shard.take(torch.arange(7), ("user", "item"))
    (tensor([2, 3, 5, 6]), tensor([2, 3, 5, 6]))
    """

    users: NodeRange
    items: NodeRange

    @classmethod
    def of(cls, num_users: int, num_items: int, group: Group) -> Shard:
        """Of this rank of a group."""
        return cls(NodeRange(num_users, group), NodeRange(num_items, group))

    @property
    def group(self) -> Group:
        """The ranks that share the nodes."""
        return self.users.group

    def side(self, side: str) -> NodeRange:
        """The range of one side."""
        return {USER: self.users, ITEM: self.items}[side]

    @cached_property
    def nodes(self) -> Tensor:
        """[n] the nodes of this rank: user u is node u, item i is node U + i."""
        users, items = self.users.own, self.items.own
        first = self.users.number
        return torch.cat([torch.arange(users.start, users.stop), first + torch.arange(items.start, items.stop)])

    @cached_property
    def stride(self) -> int:
        """S: the most nodes that a rank has, and the rows of each in a gathered table of all nodes [W S, D]."""
        ranks = range(self.group.size)
        return max(self.users.size_on(rank) + self.items.size_on(rank) for rank in ranks)

    def place_users(self, users: Tensor) -> Tensor:
        """Where users are in a gathered table of all nodes: [n] -> [n]."""
        return self.users.place(users, self.stride)

    def place_items(self, items: Tensor) -> Tensor:
        """Where items are in a gathered table of all nodes, after the users of their rank: [n] -> [n]."""
        users = torch.tensor(self.users.bounds, device=items.device).diff()  # [W]
        return self.items.place(items, self.stride) + users[self.items.owner(items)]

    def take(self, table: Tensor, sides: Sequence[str]) -> Tensor:
        """The rows of this rank of a table with a row for each node of the sides, in their order."""
        parts = table.split([self.side(side).number for side in sides])
        return torch.cat([part[self.side(side).own] for part, side in zip(parts, sides, strict=True)])


def pad_to(x: Tensor, rows: int) -> Tensor:
    """[n, D] with rows of zeros up to `rows`."""
    return functional.pad(x, (0, 0, 0, rows - len(x))) if len(x) < rows else x


def len_of(rows: slice) -> int:
    """How many rows a slice has."""
    return int(rows.stop - rows.start)
