"""Graph: the user-item graph of the training rows, and its normalized adjacency, computed once."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, Any, Self, cast

import polars as pl

from reccl.data.columns import ITEM, TIMESTAMP, USER, WEIGHT
from reccl.data.pairs import distinct_keys, is_ascending, pair_keys, split_keys
from reccl.data.sparse import make_csr
from reccl.data.user_items import UserItemCSR
from reccl.lazy import np, sparse, torch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class Adjacency:
    """A sparse N x N matrix that propagates embeddings, with its transpose for the way back.

    `matrix @ x` moves every node's embedding to its neighbors. A symmetric matrix is its own transpose, so the
    gradient of the product is the same product: no second matrix, no autograd through the sparse values.
    """

    matrix: Tensor  # [N, N] CSR
    transpose: Tensor  # [N, N] CSR

    def __matmul__(self, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D], differentiable in x."""
        from reccl.data.propagate import Propagate

        return cast("Tensor", Propagate.apply(self.matrix, self.transpose, x))  # type: ignore[no-untyped-call]

    @cached_property
    def edges(self) -> Tensor:
        """[2, 2E] directed edges (sender, receiver), sorted by receiver, as Torch Geometric wants them."""
        start, sender = self.matrix.crow_indices().long(), self.matrix.col_indices().long()  # [N + 1], [2E]
        receiver = torch.repeat_interleave(torch.arange(len(start) - 1, device=start.device), start.diff())  # [2E]
        return torch.stack([sender, receiver])


@dataclass(frozen=True, eq=False)
class Graph:
    """A bipartite graph of U users and I items; node u is user u, node U + i is item i; N = U + I.

    Parallel edges are one edge, of their weights' sum. Where edges have weights, every matrix holds them in place of
    ones, and the `strength` of a node, the sum of its edges' weights, takes the place of its degree. Weights that are
    all 1 are none, so that nothing differs from a graph without.

    Directed edges are sorted by (row, column), each undirected edge appearing twice;
    `edge[j]` says which undirected edge the directed edge j is, so that dropping an edge drops both directions. A graph
    equals itself alone, so that it can be a key of caches (see `reccl.data.graph_cache`).

    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1], "item": [0, 2, 2]}), 2, 3)
    >>> graph.num_nodes, graph.item_degree.tolist(), graph.has_edge(torch.tensor([0, 1]), torch.tensor([2, 1])).tolist()
    (5, [1, 0, 2], [True, False])
    >>> graph.adjacency.matrix.shape, (graph.adjacency @ torch.ones(5, 8)).shape
    (torch.Size([5, 5]), torch.Size([5, 8]))
    """

    num_users: int  # U
    num_items: int  # I
    user: Tensor  # [E] user of each undirected edge, sorted by (user, item); of 32 bits, as the next two, if these do
    item: Tensor  # [E] item of each undirected edge
    item_order: Tensor  # [E] the undirected edges sorted by (item, user)
    edge_weight: Tensor | None = None  # [E] weight of each undirected edge, float32; None: all 1
    edge_time: Tensor | None = None  # [E] when it was last, in seconds since 1970; None: not asked for, or not known

    @classmethod
    def from_interactions(cls, train: pl.DataFrame, users: int, items: int, *, times: bool = False) -> Self:
        """Build from training rows (columns user, item: row numbers; and weight, where there are weights) among so many
        `users` and `items`. `times` are kept where they are asked for and there are some.
        """
        pair = pair_keys(train, items)  # [rows]
        kind = np.int32 if max(len(pair), users + items) < 2**31 else np.int64
        weight = train[WEIGHT].to_numpy() if WEIGHT in train.columns else None  # [rows]
        time = train[TIMESTAMP].to_numpy() if times and TIMESTAMP in train.columns else None  # [rows]
        if not is_ascending(pair):  # as one part of a data set is, two together are not
            if weight is not None or time is not None:
                pair, place = np.unique(pair, return_inverse=True)
                weight = weight if weight is None else np.bincount(place, weight, minlength=len(pair))  # [E]
                time = time if time is None else find_latest(place, time, len(pair))  # [E]
            train = split_keys(distinct_keys(pair), items)  # [E]
        del pair  # numbers of 64 bits; the columns are read one after the other
        item = read_column(train, ITEM, kind)  # [E]
        item_order = sort_places(item, items)  # [E]
        user = read_column(train, USER, kind)  # [E]
        graph = cls(users, items, *(torch.from_numpy(part) for part in (user, item, item_order)))
        if weight is not None and not (weight == 1).all():
            graph = replace(graph, edge_weight=torch.from_numpy(weight.astype(np.float32)))
        return graph if time is None else replace(graph, edge_time=torch.from_numpy(time.astype(np.int64)))

    @cached_property
    def row(self) -> Tensor:
        """[2E] node that receives: users first, then items."""
        return torch.cat([self.user, self.num_users + self.item[self.item_order]])

    @cached_property
    def column(self) -> Tensor:
        """[2E] node that sends."""
        return torch.cat([self.num_users + self.item, self.user[self.item_order]])

    @cached_property
    def edge(self) -> Tensor:
        """[2E] undirected edge of each directed one."""
        return torch.cat([torch.arange(len(self.user), device=self.device).to(self.item_order), self.item_order])

    @property
    def num_nodes(self) -> int:
        """N = U + I."""
        return self.num_users + self.num_items

    @property
    def device(self) -> torch.device:
        """Where the edges are."""
        return self.user.device

    @cached_property
    def user_items(self) -> UserItemCSR:
        """The items of every user."""
        start = torch.zeros(self.num_users + 1, dtype=torch.long, device=self.device)
        start[1:] = self.user_degree.cumsum(0)
        return UserItemCSR(start, self.item.long(), self.num_items, self.edge_weight)

    @cached_property
    def item_users(self) -> UserItemCSR:
        """The users of every item: `user_items` with the sides swapped, without weights."""
        start = torch.zeros(self.num_items + 1, dtype=torch.long, device=self.device)
        start[1:] = self.item_degree.cumsum(0)
        return UserItemCSR(start, self.user[self.item_order].long(), self.num_users)

    def to(self, device: torch.device) -> Graph:
        """The same graph on another device."""
        if device == self.device:
            return self
        edges = (part.to(device) for part in (self.user, self.item, self.item_order))
        known = {name: getattr(self, name) for name in ("edge_weight", "edge_time") if getattr(self, name) is not None}
        moved = {name: of.to(device) for name, of in known.items()}
        return replace(Graph(self.num_users, self.num_items, *edges), **moved)

    @cached_property
    def adjacency(self) -> Adjacency:
        """D^-1/2 A D^-1/2 of all edges, D the strengths (Kipf and Welling, ICLR 2017, of weighted graphs).

        As `normalize_adjacency` makes it, but without a table of directed edges: a quarter of the memory.
        """
        degree = torch.cat([self.user_degree, self.item_degree])  # [N]
        scale = inverse_root(torch.cat([self.user_strength, self.item_strength]))  # [N]
        values = scale[self.user] * scale[self.num_users :][self.item]  # [E]
        if self.edge_weight is not None:
            values = values * self.edge_weight
        kind = torch.int32 if 2 * len(self.user) < 2**31 else torch.long
        column = torch.cat([self.item.to(kind) + self.num_users, self.user.to(kind)[self.item_order]])  # [2E]
        return make_adjacency(degree, column, torch.cat([values, values[self.item_order]]))

    @cached_property
    def user_degree(self) -> Tensor:
        """[U] training interactions of each user."""
        return torch.bincount(self.user, minlength=self.num_users)

    @cached_property
    def item_degree(self) -> Tensor:
        """[I] training interactions of each item."""
        return torch.bincount(self.item, minlength=self.num_items)

    @cached_property
    def user_strength(self) -> Tensor:
        """[U] weight of all training interactions of each user, float32; the degree where there are no weights."""
        return self._sum_weights(self.user, self.user_degree)

    @cached_property
    def item_strength(self) -> Tensor:
        """[I] weight of all training interactions of each item, likewise: its popularity."""
        return self._sum_weights(self.item, self.item_degree)

    def _sum_weights(self, node: Tensor, degree: Tensor) -> Tensor:
        """[n] the sum of the weights of each node's edges [E]."""
        if self.edge_weight is None:
            return degree
        return torch.bincount(node, self.edge_weight.double(), minlength=len(degree)).float()

    @cached_property
    def _keys(self) -> Tensor:
        """[E] one ascending number for each edge."""
        return self.user.long() * self.num_items + self.item

    def has_edge(self, user: Tensor, item: Tensor) -> Tensor:
        """Whether (user, item) is an edge, by binary search; any shapes that broadcast."""
        asked = user.long() * self.num_items + item
        if len(self._keys) == 0:
            return torch.zeros_like(asked, dtype=torch.bool)
        return self._keys[torch.searchsorted(self._keys, asked).clamp(max=len(self._keys) - 1)] == asked

    @cached_property
    def interactions(self) -> csr_matrix:
        """R [U, I] as a SciPy matrix, for closed forms: the weights, or 1, and 0 elsewhere; float32, on the CPU."""
        return self.user_items.to_scipy()

    def drop_edges(self, dropped: Tensor) -> Adjacency:
        """The normalized adjacency without the `dropped` undirected edges ([E] bool), degrees counted anew."""
        kept = ~dropped[self.edge]  # [2E]
        weight = None if self.edge_weight is None else self.edge_weight[self.edge[kept]]
        return normalize_adjacency(self.row[kept], self.column[kept], self.num_nodes, weight)


def read_column(rows: pl.DataFrame, name: str, kind: type[np.integer[Any]]) -> np.ndarray[Any, Any]:
    """[n] the values of a column, that may be written over."""
    return rows[name].to_numpy(writable=True).astype(kind, copy=False)


def sort_places(values: np.ndarray[Any, Any], number: int) -> np.ndarray[Any, Any]:
    """The places of values in 0 .. `number` - 1, smallest value first, equal ones in their order: [n] -> [n].

    A counting sort, by the transposition of a matrix with one entry a row.

    >>> sort_places(np.array([2, 0, 2, 1], np.int32), 3).tolist()
    [1, 3, 0, 2]
    """
    ones, start = np.ones(len(values), np.int8), np.arange(len(values) + 1, dtype=values.dtype)
    table = sparse.csr_matrix((ones, values, start), shape=(len(values), number))
    return np.asarray(table.tocsc().indices).astype(values.dtype, copy=False)


def find_latest(place: np.ndarray[Any, Any], time: np.ndarray[Any, Any], edges: int) -> np.ndarray[Any, Any]:
    """[E] the latest time of the rows at each of so many edges."""
    latest = np.full(edges, np.iinfo(np.int64).min)
    np.maximum.at(latest, place, time)
    return latest


def inverse_root(strength: Tensor) -> Tensor:
    """x^-1/2, and 1 for nodes without edges: [n] -> [n], float32."""
    return strength.float().masked_fill(strength == 0, 1.0).rsqrt()


def normalize_adjacency(row: Tensor, column: Tensor, nodes: int, edge_weight: Tensor | None = None) -> Adjacency:
    """D^-1/2 A D^-1/2 as CSR from directed edges sorted by row, both directions present (LightGCN, eq. 3).

    Nodes without edges have an empty row. With `edge_weight` [2E] entries are weights, and D their sums. All on the
    device of `row`.
    """
    degree = torch.bincount(row, minlength=nodes)  # [N]
    if edge_weight is None:
        scale = inverse_root(degree)  # [N]
        return make_adjacency(degree, column, scale[row] * scale[column])
    scale = inverse_root(torch.bincount(row, edge_weight.double(), minlength=nodes))  # [N]
    return make_adjacency(degree, column, scale[row] * scale[column] * edge_weight)


def make_adjacency(degree: Tensor, column: Tensor, values: Tensor) -> Adjacency:
    """A symmetric matrix from the number of entries of each row ([N]), and their columns and values ([2E])."""
    start = torch.zeros(len(degree) + 1, dtype=torch.long, device=degree.device)  # [N + 1]
    torch.cumsum(degree, 0, out=start[1:])
    index = torch.int32 if len(column) < 2**31 else torch.long
    matrix = make_csr(start.to(index), column.to(index), values, (len(degree), len(degree)))
    return Adjacency(matrix, matrix)
