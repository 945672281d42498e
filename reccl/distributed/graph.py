"""Graph shard: the graph as one rank sees it, with the rows of every matrix that are its own."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, cast

from typing_extensions import override

from reccl.data.graph import Adjacency, Graph, inverse_root
from reccl.data.sparse import make_csr
from reccl.distributed.shard import Shard, len_of
from reccl.errors import TrainingError
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class AdjacencyShard:
    """The rows of a symmetric N x N matrix that belong to the nodes of one rank.

    `matrix @ x` takes and gives the rows of this rank's nodes, and gathers those of the others on the way.
    """

    matrix: Tensor  # [n, W S] CSR, columns by their places in a gathered table of all nodes
    shard: Shard

    def __matmul__(self, x: Tensor) -> Tensor:
        """[n, D] -> [n, D], differentiable in x; a collective of all ranks."""
        from reccl.distributed.exchange import PropagateShard

        return cast("Tensor", PropagateShard.apply(self.matrix, self.shard, x))  # type: ignore[no-untyped-call]

    @property
    def edges(self) -> Tensor:
        """Raises TrainingError: each rank has the edges of its own nodes only."""
        raise TrainingError("an encoder that needs a list of all edges trains in one process only: leave out --workers")


@dataclass(frozen=True, eq=False)
class GraphShard(Graph):
    """A graph whose matrices are shared by the ranks: each holds the rows of its own nodes.

    The interactions themselves, 12 bytes each, are on every rank: all draw the same batches, negatives and views.
    """

    shard: Shard = field(kw_only=True)

    @classmethod
    def of(cls, graph: Graph, shard: Shard) -> GraphShard:
        """Of the whole graph, on its device; its edges are not copied."""
        edges = graph.user, graph.item, graph.item_order, graph.edge_weight, graph.edge_time
        return cls(graph.num_users, graph.num_items, *edges, shard=shard)

    def own_edges(self) -> tuple[Tensor, Tensor, Tensor]:
        """The directed edges that this rank's nodes receive, in the order of the rows of its matrices: which node of
        this rank (0 .. n - 1), the sender's place in a gathered table of all nodes, which undirected edge; [e] each.
        """
        users, items = self.shard.users.own, self.shard.items.own
        of_users = torch.arange(*edge_bounds(self.user_degree, users), device=self.device)  # edges of own users
        of_items = self.item_order[slice(*edge_bounds(self.item_degree, items))]  # edges of own items
        row = torch.cat([self.user[of_users] - users.start, self.item[of_items] + len_of(users) - items.start])
        place = self.shard.place_items(self.item[of_users]), self.shard.place_users(self.user[of_items])
        return row, torch.cat(place), torch.cat([of_users, of_items])

    @cached_property
    @override
    def adjacency(self) -> Adjacency:
        """See `Graph.adjacency`: the same numbers in the same order, of this rank's rows."""
        return self.normalize(None)

    @override
    def drop_edges(self, dropped: Tensor) -> Adjacency:
        """See `Graph.drop_edges`. Which edges are dropped is drawn alike on all ranks."""
        return self.normalize(~dropped)

    def normalize(self, kept: Tensor | None) -> Adjacency:
        """The rows of this rank of D^-1/2 A D^-1/2, A of the edges that are `kept` ([E] bool; None: all)."""
        row, place, edge = self.own_edges()
        if kept is None:
            strength = torch.cat([self.user_strength, self.item_strength])  # [N]
        else:
            weight = None if self.edge_weight is None else self.edge_weight[kept].double()
            sides = (self.user[kept], self.num_users), (self.item[kept], self.num_items)
            strength = torch.cat([torch.bincount(node, weight, minlength=number) for node, number in sides])
            own = kept[edge]  # [e]
            row, place, edge = row[own], place[own], edge[own]
        scale = inverse_root(strength)  # [N]
        values = scale[self.user[edge]] * scale[self.num_users :][self.item[edge]]
        if self.edge_weight is not None:
            values = values * self.edge_weight[edge]
        nodes = len_of(self.shard.users.own) + len_of(self.shard.items.own)
        start = torch.zeros(nodes + 1, dtype=torch.long, device=self.device)
        torch.cumsum(torch.bincount(row, minlength=nodes), 0, out=start[1:])
        index = torch.int32 if 2 * len(self.user) < 2**31 else torch.long
        size = nodes, self.shard.group.size * self.shard.stride
        matrix = AdjacencyShard(make_csr(start.to(index), place.to(index), values, size), self.shard)
        return cast("Adjacency", matrix)


def edge_bounds(degree: Tensor, nodes: slice) -> tuple[int, int]:
    """The first edge of the nodes and that after their last, where edges are in the order of the nodes."""
    last = degree.cumsum(0)
    before, end = (int(last[node - 1]) if node else 0 for node in (nodes.start, nodes.stop))
    return before, end
