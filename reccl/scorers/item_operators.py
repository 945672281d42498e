"""Item operators: products of matrices that turn the items a user has into a score for every item."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.data.sparse import make_csr, spmm
from reccl.lazy import np, torch

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix
    from torch import Tensor


@dataclass(frozen=True, eq=False)
class ItemOperator:
    """M_m ... M_1, from a column of items [I] to a column of scores [I]: an item-item matrix, or hops of a filter."""

    matrices: tuple[Tensor, ...]  # M_1 [., I], ..., M_m [I, .], dense or CSR

    def __matmul__(self, x: Tensor) -> Tensor:
        """M_m ... M_1 x: [I, B] -> [I, B]."""
        for matrix in self.matrices:
            x = spmm(matrix, x) if matrix.layout == torch.sparse_csr else matrix @ x
        return x

    def row(self, item: int) -> Tensor:
        """What one of each item adds to the score of `item`: [I]."""
        *before, last = self.matrices
        weights = select_row(last, item)
        for matrix in reversed(before):
            weights = multiply_row(weights, matrix)
        return weights

    @property
    def is_dense(self) -> bool:
        """Whether it is one dense item-item matrix."""
        return len(self.matrices) == 1 and self.matrices[0].layout == torch.strided

    def scale(self, factor: float) -> ItemOperator:
        """The operator whose scores are `factor` times as large."""
        *before, last = self.matrices
        if last.layout != torch.sparse_csr:
            return ItemOperator((*before, last * factor))
        parts = (last.crow_indices(), last.col_indices(), last.values() * factor)
        return ItemOperator((*before, make_csr(*parts, last.shape)))

    def pad(self, count: int) -> ItemOperator:
        """The operator with `count` more items at the end, which contribute nothing and are scored 0."""
        first, *rest = self.matrices
        first = pad_matrix(first, 0, count)
        *middle, last = (first, *rest)
        return ItemOperator((*middle, pad_matrix(last, count, 0)))

    def to(self, device: torch.device) -> ItemOperator:
        """The same on another device."""
        return ItemOperator(tuple(matrix.to(device) for matrix in self.matrices))


def select_row(matrix: Tensor, row: int) -> Tensor:
    """A row of a matrix [n, m], dense: [m]."""
    if matrix.layout != torch.sparse_csr:
        return matrix[row]
    entries = slice(*matrix.crow_indices()[row : row + 2].tolist())
    empty = torch.zeros(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return empty.index_put((matrix.col_indices()[entries].long(),), matrix.values()[entries])


def multiply_row(row: Tensor, matrix: Tensor) -> Tensor:
    """A row times a matrix: [n] times [n, m] -> [m]."""
    if matrix.layout != torch.sparse_csr:
        return row @ matrix
    weights = torch.repeat_interleave(row, matrix.crow_indices().diff().long())  # [E]
    empty = torch.zeros(matrix.shape[1], dtype=matrix.dtype, device=matrix.device)
    return empty.index_add(0, matrix.col_indices().long(), matrix.values() * weights)


def pad_matrix(matrix: Tensor, rows: int, columns: int) -> Tensor:
    """The matrix with rows of zeros below it and columns of zeros beside it."""
    if matrix.layout != torch.sparse_csr:
        return torch.nn.functional.pad(matrix, (0, columns, 0, rows))
    start = matrix.crow_indices()
    parts = (torch.cat([start, start[-1:].expand(rows)]), matrix.col_indices(), matrix.values())
    size = (matrix.shape[0] + rows, matrix.shape[1] + columns)
    return make_csr(*parts, size)


def merge_dense(operators: Sequence[ItemOperator]) -> tuple[ItemOperator, ...]:
    """Operators with the same sum of scores: those that are one dense matrix become one, the sum of their matrices."""
    dense = [each for each in operators if each.is_dense]
    others = [each for each in operators if not each.is_dense]
    if len(dense) > 1:
        dense = [ItemOperator((torch.stack([each.matrices[0] for each in dense]).sum(0),))]
    return (*dense, *others)


def to_tensors(operators: Sequence[ItemOperator]) -> dict[str, Tensor]:
    """Plain tensors by name, e.g. `item_operator_0_matrix_1`; a CSR matrix is four. `from_tensors` reads them."""
    named: dict[str, Tensor] = {}
    for number, operator in enumerate(operators):
        for place, matrix in enumerate(operator.matrices):
            name = f"item_operator_{number}_matrix_{place}"
            if matrix.layout == torch.sparse_csr:
                shape = torch.tensor(matrix.shape)
                named |= {f"{name}_start": matrix.crow_indices(), f"{name}_column": matrix.col_indices()}
                named |= {f"{name}_value": matrix.values(), f"{name}_shape": shape}
            else:
                named[name] = matrix
    return named


def from_tensors(named: Mapping[str, Tensor]) -> tuple[ItemOperator, ...]:
    """The operators that `to_tensors` was given."""
    operators: list[ItemOperator] = []
    while matrices := tuple(read_matrices(named, f"item_operator_{len(operators)}")):
        operators.append(ItemOperator(matrices))
    return tuple(operators)


def read_matrices(named: Mapping[str, Tensor], operator: str) -> Iterator[Tensor]:
    """The matrices of one operator by its name on disk."""
    place = 0
    while (name := f"{operator}_matrix_{place}") in named or f"{name}_value" in named:
        if name in named:
            yield named[name]
        else:
            start, column, value, shape = (named[f"{name}_{part}"] for part in ("start", "column", "value", "shape"))
            size = (int(shape[0]), int(shape[1]))
            yield make_csr(start, column, value, size, check=True)
        place += 1


def to_torch_csr(matrix: csr_matrix) -> Tensor:
    """A SciPy matrix as a float32 CSR tensor, the columns of each row in order."""
    matrix.sort_indices()
    start, column = (torch.from_numpy(part.astype(np.int32)) for part in (matrix.indptr, matrix.indices))
    value = torch.from_numpy(matrix.data.astype(np.float32))
    return make_csr(start, column, value, matrix.shape)
