"""An epoch is every training edge once, in an order that the generator alone decides."""

import pytest
import torch

from reccl.data.batches import Batch, shuffled, steps_per_epoch
from reccl.data.graph import Graph


def epoch(graph: Graph, size: int, seed: int = 0) -> list[Batch]:
    return list(shuffled(graph, size, torch.Generator().manual_seed(seed)))


def pairs(batches: list[Batch]) -> list[tuple[int, int]]:
    return [pair for batch in batches for pair in zip(batch.user.tolist(), batch.item.tolist(), strict=True)]


@pytest.mark.parametrize("size", [1, 7, 512, 2599, 2600, 10_000])
def test_every_edge_comes_once(planted_graph: Graph, size: int) -> None:
    batches = epoch(planted_graph, size)
    edges = list(zip(planted_graph.user.tolist(), planted_graph.item.tolist(), strict=True))
    assert sorted(pairs(batches)) == edges
    assert len(batches) == steps_per_epoch(planted_graph, size)
    assert all(len(batch) == size for batch in batches[:-1])
    assert 0 < len(batches[-1]) <= size


def test_the_order_is_that_of_the_seed(planted_graph: Graph) -> None:
    assert pairs(epoch(planted_graph, 100)) == pairs(epoch(planted_graph, 100))
    assert pairs(epoch(planted_graph, 100)) != pairs(epoch(planted_graph, 100, seed=1))


def test_the_next_epoch_has_another_order(planted_graph: Graph) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (pairs(list(shuffled(planted_graph, 100, generator))) for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)
