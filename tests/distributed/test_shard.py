"""Every node has one rank, and the rows of all ranks together are the rows of one process."""

from dataclasses import replace

import pytest
import torch
from torch import Tensor
from typing_extensions import override

from reccl.data.graph import Adjacency, Graph
from reccl.distributed import Group, NodeRange, Shard, exchange
from reccl.distributed.exchange import multiply
from reccl.distributed.graph import GraphShard
from reccl.distributed.shard import pad_to
from reccl.errors import TrainingError

SIZES = [1, 2, 3, 7]


def shards(graph: Graph, size: int) -> list[GraphShard]:
    """What each of so many ranks sees."""
    groups = (Group(rank, size) for rank in range(size))
    return [GraphShard.of(graph, Shard.of(graph.num_users, graph.num_items, group)) for group in groups]


def gather(table: Tensor, ranks: list[GraphShard]) -> Tensor:
    """A table of all nodes [N, D] as it is once all ranks have given their rows, [W S, D]."""
    return torch.cat([pad_to(rank.shard.take(table, ("user", "item")), rank.shard.stride) for rank in ranks])


def weighted(graph: Graph) -> Graph:
    random = torch.Generator().manual_seed(0)
    return replace(graph, edge_weight=torch.randint(1, 5, (len(graph.user),), generator=random).float())


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("number", [0, 1, 6, 10])
def test_ranges_are_contiguous_and_differ_by_one_row_at_most(size: int, number: int) -> None:
    ranges = [NodeRange(number, Group(rank, size)) for rank in range(size)]
    rows = [row for each in ranges for row in range(number)[each.own]]
    lengths = [ranges[0].size_on(rank) for rank in range(size)]
    assert rows == list(range(number))
    assert max(lengths) - min(lengths) <= 1
    owner = ranges[0].owner(torch.arange(number))
    assert owner.tolist() == [rank for rank in range(size) for _ in range(lengths[rank])]


@pytest.mark.parametrize("size", SIZES)
def test_places_find_every_node_among_the_gathered_rows(size: int, planted_graph: Graph) -> None:
    ranks = shards(planted_graph, size)
    table = torch.arange(planted_graph.num_nodes)[:, None]
    gathered = gather(table, ranks)
    users, items = torch.arange(planted_graph.num_users), torch.arange(planted_graph.num_items)
    assert torch.equal(gathered[ranks[0].shard.place_users(users)], table[: len(users)])
    assert torch.equal(gathered[ranks[0].shard.place_items(items)], table[len(users) :])
    assert torch.cat([rank.shard.nodes for rank in ranks]).sort().values.tolist() == table.flatten().tolist()


class TestMatrices:
    """The rows of a rank hold the numbers of one process, so that their products are equal to the last bit."""

    def assert_equal(self, of_ranks: list[Adjacency], whole: Adjacency, ranks: list[GraphShard]) -> None:
        x = torch.randn(len(whole.matrix), 5, generator=torch.Generator().manual_seed(1))
        expected, gathered = whole.matrix @ x, gather(x, ranks)
        for rank, adjacency in zip(ranks, of_ranks, strict=True):
            assert torch.equal(adjacency.matrix @ gathered, rank.shard.take(expected, ("user", "item")))

    @pytest.mark.parametrize("size", SIZES)
    def test_of_all_edges(self, size: int, planted_graph: Graph) -> None:
        for graph in (planted_graph, weighted(planted_graph)):
            ranks = shards(graph, size)
            self.assert_equal([rank.adjacency for rank in ranks], graph.adjacency, ranks)

    @pytest.mark.parametrize("size", SIZES)
    def test_without_dropped_edges(self, size: int, planted_graph: Graph) -> None:
        for graph in (planted_graph, weighted(planted_graph)):
            ranks = shards(graph, size)
            dropped = torch.rand(len(graph.user), generator=torch.Generator().manual_seed(2)) < 0.4
            self.assert_equal([rank.drop_edges(dropped) for rank in ranks], graph.drop_edges(dropped), ranks)

    def test_no_rank_holds_the_edges_of_others(self, planted_graph: Graph) -> None:
        ranks = shards(planted_graph, 3)
        assert sum(len(rank.adjacency.matrix.values()) for rank in ranks) == 2 * len(planted_graph.user)
        with pytest.raises(TrainingError, match="one process only"):
            _ = ranks[0].adjacency.edges

    def test_some_columns_at_a_time_give_the_same_product(
        self, planted_graph: Graph, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr(exchange, "AT_ONCE", 1)
        ranks = shards(planted_graph, 4)
        table = torch.randn(planted_graph.num_nodes, 6, generator=torch.Generator().manual_seed(1))
        expected = planted_graph.adjacency @ table
        for rank in ranks:
            group = Columns(rank.shard.group, gather(table, ranks))
            shard = Shard.of(planted_graph.num_users, planted_graph.num_items, group)
            x = shard.take(table, ("user", "item"))
            assert torch.equal(multiply(rank.adjacency.matrix, shard, x), shard.take(expected, ("user", "item")))
            assert group.widths == [3, 3]


class Columns(Group):
    """A group whose other ranks give what stands in a gathered table, column by column."""

    def __init__(self, group: Group, gathered: Tensor) -> None:
        super().__init__(group.rank, group.size)
        object.__setattr__(self, "gathered", gathered)
        object.__setattr__(self, "widths", [])

    @override
    def gather(self, x: Tensor) -> Tensor:
        first = sum(self.widths)
        self.widths.append(x.shape[1])
        return self.gathered[:, first : first + x.shape[1]].contiguous()
