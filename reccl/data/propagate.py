"""Propagate: the product of an adjacency and embeddings, with its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from reccl.data.sparse import spmm


class Propagate(torch.autograd.Function):
    """y = A x, dL/dx = A' dL/dy; A is constant. In A's precision also under autocast: CSR has no bf16 product."""

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D]."""
        ctx.transpose = transpose
        with torch.autocast(x.device.type, enabled=False):
            return spmm(matrix, x.to(matrix.dtype))

    @staticmethod
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """The gradient in x: [N, D] -> [N, D]."""
        return None, None, spmm(ctx.transpose, gradients[0])  # type: ignore[attr-defined]
