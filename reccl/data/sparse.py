"""Sparse: matrices in compressed rows (CSR), and their product with embeddings."""

from __future__ import annotations

import warnings
from functools import cache
from typing import TYPE_CHECKING

from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor


def make_csr(
    start: Tensor, column: Tensor, values: Tensor, size: tuple[int, int] | torch.Size, *, check: bool = False
) -> Tensor:
    """A sparse [n, m] matrix in compressed rows.

    Args:
        start: [n + 1] where each row's entries start.
        column: [E] column of each entry.
        values: [E] value of each entry.
        size: n, m.
        check: raise RuntimeError where the four are no such matrix, as for what comes from a file.

    """
    _silence_beta()
    return torch.sparse_csr_tensor(start, column, values, size, check_invariants=check)


def spmm(matrix: Tensor, x: Tensor) -> Tensor:
    """CSR [n, m] @ [m, D] without autograd. On the CPU `@` fills its result with zeros twice before it writes it."""
    if x.device.type != "cpu":
        return matrix @ x
    out = x.new_empty(len(matrix), x.shape[1])
    return torch.addmm(out, matrix, x, beta=0, out=out)


@cache
def _silence_beta() -> None:
    """Get torch's warning that CSR is in beta, which it gives once in a process, out of the way."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        torch.sparse_csr_tensor([0, 1], [0], [1.0], check_invariants=False)
