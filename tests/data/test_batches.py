"""An epoch is every training edge once, in an order that the generator alone decides."""

import pytest
import torch

from reccl.data.batches import Batch, count_batches, iterate_batches
from reccl.data.graph import Graph


def epoch(graph: Graph, size: int, seed: int = 0) -> list[Batch]:
    return list(iterate_batches(graph, size, torch.Generator().manual_seed(seed)))


def pairs(batches: list[Batch]) -> list[tuple[int, int]]:
    return [pair for batch in batches for pair in zip(batch.user.tolist(), batch.item.tolist(), strict=True)]


@pytest.mark.parametrize("size", [1, 7, 512, 2599, 2600, 10_000])
def test_every_edge_comes_once(planted_graph: Graph, size: int) -> None:
    batches = epoch(planted_graph, size)
    edges = list(zip(planted_graph.user.tolist(), planted_graph.item.tolist(), strict=True))
    assert sorted(pairs(batches)) == edges
    assert len(batches) == count_batches(planted_graph, size)
    assert all(len(batch) == size for batch in batches[:-1])
    assert 0 < len(batches[-1]) <= size


def test_the_order_is_that_of_the_seed(planted_graph: Graph) -> None:
    assert pairs(epoch(planted_graph, 100)) == pairs(epoch(planted_graph, 100))
    assert pairs(epoch(planted_graph, 100)) != pairs(epoch(planted_graph, 100, seed=1))


def test_the_next_epoch_has_another_order(planted_graph: Graph) -> None:
    generator = torch.Generator().manual_seed(0)
    first, second = (pairs(list(iterate_batches(planted_graph, 100, generator))) for _ in range(2))
    assert first != second
    assert sorted(first) == sorted(second)


class TestKeepingUsersTogether:
    def batches(self, graph: Graph, size: int, seed: int = 0) -> list[Batch]:
        return list(iterate_batches(graph, size, torch.Generator().manual_seed(seed), "user"))

    def test_every_edge_comes_once(self, planted_graph: Graph) -> None:
        found = self.batches(planted_graph, 300)
        seen = torch.cat([batch.user * planted_graph.num_items + batch.item for batch in found])
        assert torch.equal(seen.sort().values, planted_graph.user * planted_graph.num_items + planted_graph.item)

    def test_a_user_is_in_one_batch_with_all_edges(self, planted_graph: Graph) -> None:
        users = torch.cat([batch.user.unique() for batch in self.batches(planted_graph, 300)])
        assert len(users) == len(users.unique())

    def test_batches_are_no_larger_than_size_and_one_user(self, planted_graph: Graph) -> None:
        longest = int(planted_graph.user_degree.max())
        assert all(0 < len(batch) < 300 + longest for batch in self.batches(planted_graph, 300))

    def test_a_size_below_every_degree_gives_one_user_a_batch(self, planted_graph: Graph) -> None:
        assert all(len(batch.user.unique()) == 1 for batch in self.batches(planted_graph, 1))

    def test_the_order_is_random_and_seeded(self, planted_graph: Graph) -> None:
        first, again, other = (self.batches(planted_graph, 300, seed)[0].user for seed in (1, 1, 2))
        assert torch.equal(first, again) and not torch.equal(first, other)
