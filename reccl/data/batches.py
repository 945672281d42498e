"""Batches: training edges in a fresh random order every epoch."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reccl.data.graph import Graph
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """B positive interactions."""

    user: Tensor  # [B]
    item: Tensor  # [B]
    weight: Tensor | None = None  # [B] how much each counts; None: all 1

    def __len__(self) -> int:
        return len(self.user)


def count_batches(graph: Graph, size: int) -> int:
    """How many batches `iterate_batches` gives."""
    return -(-len(graph.user) // size)


Grouping = Literal["interaction", "user"]
"""What a batch keeps together: nothing, or all interactions of a user."""


def iterate_batches(
    graph: Graph, size: int, generator: torch.Generator, batch_by: Grouping = "interaction"
) -> Iterator[Batch]:
    """Every training edge once, in random order, `size` at a time (the last batch may be smaller).

    With `batch_by="user"`, users come in random order, each with all their edges, so that batches hold about `size`
    edges of few users: a loss that ranks all items for a user then ranks them once an epoch. `generator` is a CPU
    generator: the order is the same on every device.
    """
    if batch_by == "interaction":
        order = torch.randperm(len(graph.user), generator=generator).to(graph.device)
        parts = order.split(size)
    else:
        parts = group_by_user(graph, size, generator)
    for rows in parts:
        weight = None if graph.edge_weight is None else graph.edge_weight[rows]
        yield Batch(graph.user[rows].long(), graph.item[rows].long(), weight)


def group_by_user(graph: Graph, size: int, generator: torch.Generator) -> tuple[Tensor, ...]:
    """Edges user by user, users in random order, cut before the user whose first edge is at or after each `size`."""
    users = torch.randperm(graph.num_users, generator=generator).to(graph.device)  # [U]
    counts = graph.user_degree[users]  # [U]
    before = counts.cumsum(0) - counts  # [U] edges of the users before
    place = torch.arange(len(graph.user), device=graph.device)  # [E]
    first = torch.repeat_interleave(graph.user_items.start[users] - before, counts)  # [E]
    lengths = torch.bincount(torch.repeat_interleave(before // size, counts))  # edges of each batch
    return tuple(part for part in (first + place).split(lengths.tolist()) if len(part))
