"""History products: the first matrix of an item operator times the items that users have, sparse by sparse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from reccl.data.sparse import spmm
from reccl.data.user_items import UserItemCSR
from reccl.lazy import sparse, torch
from reccl.scorers.item_operators import ItemOperator

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor

PRICE = 32
"""Multiplications of a sparse matrix by dense columns that take the time of one by a sparse matrix."""


@dataclass(frozen=True, eq=False)
class HistoryProduct:
    """M_m ... M_1 x_u for many users u, on the CPU, where x_u [I] has a few entries and M_1 [J, I] is sparse.

    A product with dense columns multiplies every entry of M_1 for every user, though a user has some tens of the
    items: of Gowalla's 41,000, with 50 neighbors each, 2 million for a user instead of about 1,200. Here the rows of
    M_1' are added up that are those of the user's items, in the same order, so that sums are the same.
    """

    columns: csr_matrix  # M_1' [I, J]
    rest: tuple[Tensor, ...]  # M_2 .. M_m

    @classmethod
    def of(cls, operator: ItemOperator, history: UserItemCSR) -> Self | None:
        """Of an operator over the items of users; None where columns are dense, on a GPU, or had in as little time."""
        first, *rest = operator.matrices
        if first.layout != torch.sparse_csr or first.device.type != "cpu" or not len(history.item):
            return None
        number = torch.bincount(first.col_indices(), minlength=first.shape[1])  # [I] entries of each column
        if PRICE * int(number[history.item].sum()) > len(first.values()) * len(history.counts):
            return None
        parts = (first.values().numpy(), first.col_indices().numpy(), first.crow_indices().numpy())
        return cls(sparse.csr_matrix(parts, shape=tuple(first.shape)).T.tocsr(), tuple(rest))

    def add_scores(self, history: UserItemCSR, users: Tensor, scores: Tensor) -> None:
        """Add what the operator scores for users [b] to their scores [b, I]."""
        found = history.select_users(users).to_scipy() @ self.columns  # [b, J]
        column, value = torch.from_numpy(found.indices).long(), torch.from_numpy(found.data)
        row = torch.repeat_interleave(torch.from_numpy(found.indptr).long().diff())  # [entries]
        if not self.rest:
            scores.index_put_((row, column), value, accumulate=True)
            return
        x = torch.zeros(found.shape[1], len(users))  # [J, b]
        x.index_put_((column, row), value)
        for matrix in self.rest:
            x = spmm(matrix, x) if matrix.layout == torch.sparse_csr else matrix @ x
        scores += x.T
