"""Batches: training edges in a fresh random order every epoch."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.data.graph import Graph


@dataclass(frozen=True)
class Batch:
    """B positive interactions."""

    user: Tensor  # [B]
    item: Tensor  # [B]

    def __len__(self) -> int:
        return len(self.user)


def steps_per_epoch(graph: Graph, size: int) -> int:
    """How many batches `shuffled` gives."""
    return -(-len(graph.user) // size)


def shuffled(graph: Graph, size: int, generator: torch.Generator) -> Iterator[Batch]:
    """Every training edge once, in random order, `size` at a time (the last batch may be smaller).

    `generator` is a CPU generator: the order is the same on every device.
    """
    order = torch.randperm(len(graph.user), generator=generator).to(graph.device)
    for rows in order.split(size):
        yield Batch(graph.user[rows], graph.item[rows])
