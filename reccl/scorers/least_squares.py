"""Least squares: the vectors of users, or of items, that are best for those of the other side, all at once."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from reccl.data.user_items import UserItemCSR
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

BLOCK = 8_000_000
"""Numbers that the tensors of the rows that are solved together may hold: 32 MB."""


def solve_rows(own: UserItemCSR, vectors: Tensor, unobserved: float, l2: Tensor) -> Tensor:
    """The minimum over x_r of  sum_i w_ri (1 - x_r . v_i)^2 + unobserved sum_j (x_r . v_j)^2 + l2_r |x_r|^2,

    i over the items of row r, j over all: x_r = (sum_i w_ri v_i v_i' + unobserved V'V + l2_r 1)^-1 sum_i w_ri v_i.

    Args:
        own: the items of each of n rows, and their weights w.
        vectors: [I, D] V.
        unobserved: weight of all pairs; more than 0, so that rows without items have a solution, which is 0.
        l2: [n] penalty of each row.

    Returns [n, D].

    >>> own = UserItemCSR(torch.tensor([0, 1]), torch.tensor([0]), num_items=1)
    >>> solve_rows(own, torch.tensor([[2.0]]), 0.5, torch.tensor([2.0]))  # 2 / (4 + .5 * 4 + 2)
    tensor([[0.2500]])

    """
    dimension, values = vectors.shape[1], own.values
    everywhere, sums = unobserved * (vectors.T @ vectors), own.sum_vectors(vectors)  # [D, D], [n, D]
    solved = torch.zeros_like(sums)
    for rows in split_by_count(own.counts, dimension):
        place, entry = own.find_entries(rows)  # [P], [P]
        count = own.counts[rows]  # [b]
        within = torch.arange(len(place), device=place.device) - (count.cumsum(0) - count)[place]  # [P]
        owned = vectors.new_zeros(len(rows), int(count.max()), dimension)  # [b, k, D] w^1/2 v, and 0 beyond a row's end
        owned[place, within] = vectors[own.item[entry]] * values[entry, None].sqrt()
        gram = torch.baddbmm(everywhere.expand(len(rows), -1, -1), owned.mT, owned)  # [b, D, D]
        gram.diagonal(dim1=1, dim2=2).add_(l2[rows, None])
        solved[rows] = torch.cholesky_solve(sums[rows, :, None], torch.linalg.cholesky(gram)).squeeze(2)
    return solved


def split_by_count(counts: Tensor, dimension: int) -> Iterator[Tensor]:
    """Rows in blocks of about as many items each, [b], that take BLOCK numbers or are a single row."""
    order = counts.argsort(stable=True)  # [n]
    size = (counts[order].clamp(min=dimension) * dimension).tolist()  # numbers for each row, ascending
    end = len(size)
    while end:
        start = max(0, end - max(1, BLOCK // size[end - 1]))
        yield order[start:end]
        end = start
