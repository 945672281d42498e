"""Graph: the user-item graph of the training rows, and its normalized adjacency, computed once."""

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self, cast

import numpy as np
import polars as pl
import torch
from scipy.sparse import csr_matrix
from torch import Tensor
from torch.autograd.function import FunctionCtx

from reccl.data.columns import ITEM, USER
from reccl.data.sparse import make_csr, spmm
from reccl.data.user_items import UserItemCSR


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
        return cast(Tensor, _Propagate.apply(self.matrix, self.transpose, x))  # type: ignore[no-untyped-call]

    @cached_property
    def edges(self) -> Tensor:
        """[2, 2E] directed edges (sender, receiver), sorted by receiver, as Torch Geometric wants them."""
        start, sender = self.matrix.crow_indices().long(), self.matrix.col_indices().long()  # [N + 1], [2E]
        receiver = torch.repeat_interleave(torch.arange(len(start) - 1, device=start.device), start.diff())  # [2E]
        return torch.stack([sender, receiver])


class _Propagate(torch.autograd.Function):
    """y = A x, dL/dx = A' dL/dy; A is constant. Always float32 under autocast: CSR has no bf16 product."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, x: Tensor) -> Tensor:
        ctx.transpose = transpose
        return spmm(matrix, x)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")  # type: ignore[untyped-decorator]
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor]:
        return None, None, spmm(ctx.transpose, gradients[0])  # type: ignore[attr-defined]


@dataclass(frozen=True, eq=False)
class Graph:
    """A bipartite graph of U users and I items; node u is user u, node U + i is item i; N = U + I.

    Parallel edges are one edge. Directed edges are sorted by (row, column), each undirected edge appearing twice;
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
    user: Tensor  # [E] user of each undirected edge, sorted by (user, item)
    item: Tensor  # [E] item of each undirected edge
    item_order: Tensor  # [E] the undirected edges sorted by (item, user)

    @classmethod
    def from_interactions(cls, train: pl.DataFrame, users: int, items: int) -> Self:
        """Build from training rows (columns user, item: row numbers) among so many `users` and `items`."""
        pair = train[USER].cast(pl.Int64).to_numpy() * items + train[ITEM].to_numpy()  # [rows]
        if not (pair[1:] > pair[:-1]).all():  # as one part of a data set is, two together are not
            pair.sort()
            pair = pair[np.diff(pair, prepend=-1) > 0]  # [E]
        user, item = np.divmod(pair, max(1, items))
        del pair
        start = np.zeros(users + 1, np.int64)
        np.cumsum(np.bincount(user, minlength=users), out=start[1:])
        edge = np.arange(len(item), dtype=np.int32 if len(item) < 2**31 else np.int64)
        item_order = csr_matrix((edge, item, start), shape=(users, items)).tocsc().data  # a counting sort
        return cls(users, items, *(torch.from_numpy(part).long() for part in (user, item, item_order)))

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
        return torch.cat([torch.arange(len(self.user), device=self.device), self.item_order])

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
        return UserItemCSR(start, self.item, self.num_items)

    @cached_property
    def item_users(self) -> UserItemCSR:
        """The users of every item: `user_items` with the sides swapped."""
        start = torch.zeros(self.num_items + 1, dtype=torch.long, device=self.device)
        start[1:] = self.item_degree.cumsum(0)
        return UserItemCSR(start, self.user[self.item_order], self.num_users)

    def to(self, device: torch.device) -> "Graph":
        """The same graph on another device."""
        if device == self.device:
            return self
        return Graph(
            self.num_users, self.num_items, *(part.to(device) for part in (self.user, self.item, self.item_order))
        )

    @cached_property
    def adjacency(self) -> Adjacency:
        """D^-1/2 A D^-1/2 of all edges.

        As `normalize_adjacency` makes it, but without a table of directed edges: a quarter of the memory.
        """
        degree = torch.cat([self.user_degree, self.item_degree])  # [N]
        weight = degree.clamp(min=1).float().rsqrt()  # [N]
        values = weight[self.user] * weight[self.num_users :][self.item]  # [E]
        kind = torch.int32 if 2 * len(self.user) < 2**31 else torch.long
        column = torch.cat([self.item.to(kind) + self.num_users, self.user.to(kind)[self.item_order]])  # [2E]
        return make_adjacency(degree, column, torch.cat([values, values[self.item_order]]))

    @cached_property
    def user_degree(self) -> Tensor:
        """[U] training interactions of each user."""
        return torch.bincount(self.user, minlength=self.num_users)

    @cached_property
    def item_degree(self) -> Tensor:
        """[I] training interactions of each item: its popularity."""
        return torch.bincount(self.item, minlength=self.num_items)

    @cached_property
    def _keys(self) -> Tensor:
        """[E] one ascending number for each edge."""
        return self.user * self.num_items + self.item

    def has_edge(self, user: Tensor, item: Tensor) -> Tensor:
        """Whether (user, item) is an edge, by binary search; any shapes that broadcast."""
        asked = user * self.num_items + item
        if len(self._keys) == 0:
            return torch.zeros_like(asked, dtype=torch.bool)
        return self._keys[torch.searchsorted(self._keys, asked).clamp(max=len(self._keys) - 1)] == asked

    @cached_property
    def interactions(self) -> csr_matrix:
        """R [U, I] in {0, 1} as a SciPy matrix, for closed forms; float32, on the CPU."""
        return self.user_items.to_scipy()

    def drop_edges(self, dropped: Tensor) -> Adjacency:
        """The normalized adjacency without the `dropped` undirected edges ([E] bool), degrees counted anew."""
        kept = ~dropped[self.edge]  # [2E]
        return normalize_adjacency(self.row[kept], self.column[kept], self.num_nodes)


def normalize_adjacency(row: Tensor, column: Tensor, nodes: int) -> Adjacency:
    """D^-1/2 A D^-1/2 as CSR from directed edges sorted by row, both directions present (LightGCN, eq. 3).

    Nodes without edges have an empty row. All on the device of `row`.
    """
    degree = torch.bincount(row, minlength=nodes)  # [N]
    weight = degree.clamp(min=1).float().rsqrt()  # [N]
    return make_adjacency(degree, column, weight[row] * weight[column])


def make_adjacency(degree: Tensor, column: Tensor, values: Tensor) -> Adjacency:
    """A symmetric matrix from the number of entries of each row ([N]), and their columns and values ([2E])."""
    start = torch.zeros(len(degree) + 1, dtype=torch.long, device=degree.device)  # [N + 1]
    torch.cumsum(degree, 0, out=start[1:])
    index = torch.int32 if len(column) < 2**31 else torch.long
    matrix = make_csr(start.to(index), column.to(index), values, (len(degree), len(degree)))
    return Adjacency(matrix, matrix)
