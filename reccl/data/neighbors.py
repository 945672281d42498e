"""Neighbors: a few entries of each row of a sparse matrix, drawn so that sums over them are right on average."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from reccl.lazy import functional, torch

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class SampledRows:
    """n rows of a sparse [N, N] matrix with some of their entries, whose columns are the m nodes of `nodes`."""

    nodes: Tensor  # [m] the distinct columns, ascending
    start: Tensor  # [n] where each row's entries start
    place: Tensor  # [e] column of each entry, as a place in `nodes`
    value: Tensor  # [e] value of each entry, by its factor

    def __matmul__(self, x: Tensor) -> Tensor:
        """[n, m] @ [m, D] -> [n, D], differentiable in x."""
        return functional.embedding_bag(self.place, x, self.start, mode="sum", per_sample_weights=self.value)

    def scale_rows(self, factor: Tensor) -> SampledRows:
        """The same with each row [n] so many times as large."""
        count = torch.cat([self.start, self.start.new_tensor([len(self.value)])]).diff()  # [n]
        return replace(self, value=self.value * torch.repeat_interleave(factor, count))

    def scale_columns(self, factor: Tensor) -> SampledRows:
        """The same with each column [m] so many times as large."""
        return replace(self, value=self.value * factor[self.place])


def sample_rows(matrix: Tensor, rows: Tensor, number: int, generator: torch.Generator) -> SampledRows:
    """At most `number` entries of each of the given rows of a CSR matrix; their products are right on average.

    A row with d <= number entries is whole. Of another one the entries are cut into `number` stretches of d / number
    places, and of each stretch one place is drawn: every entry is expected number / d times, so its value counts
    d / number times. Sums vary no more than those of as many draws with replacement (stratified sampling: Cochran,
    Sampling Techniques, 1977, ch. 5).

    Args:
        matrix: [N, N] CSR.
        rows: [n] which rows.
        number: entries of a row at most.
        generator: on the matrix's device.

    >>> from reccl.data.sparse import make_csr
    >>> matrix = make_csr(*map(torch.tensor, ([0, 2, 2, 3], [0, 2, 1], [1.0, 2.0, 3.0])), (3, 3))
    >>> drawn = sample_rows(matrix, torch.tensor([0, 2]), 2, torch.Generator())
    >>> drawn @ torch.eye(3)[drawn.nodes]
    tensor([[1., 0., 2.],
            [0., 3., 0.]])

    """
    first = matrix.crow_indices()
    begin, degree = first[rows].long(), (first[rows + 1] - first[rows]).long()  # [n], [n]
    count = degree.clamp(max=number)  # [n]
    start = count.cumsum(0) - count  # [n]
    row = torch.repeat_interleave(torch.arange(len(rows), device=rows.device), count)  # [e]
    nth = torch.arange(len(row), device=rows.device) - start[row]  # [e] which of its row's entries
    length = (degree / count.clamp(min=1))[row]  # [e] of a stretch; 1 where the row is whole
    drawn = torch.rand(len(row), generator=generator, device=rows.device)  # [e]
    drawn = torch.where(length > 1, ((nth + drawn.double()) * length).long(), nth)
    entry = begin[row] + torch.minimum(drawn, degree[row] - 1)  # [e]
    nodes, place = matrix.col_indices()[entry].long().unique(return_inverse=True)
    return SampledRows(nodes, start, place, matrix.values()[entry] * length.to(matrix.dtype))
