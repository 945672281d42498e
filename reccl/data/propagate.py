"""Propagate: the product of an adjacency and embeddings, with its gradient."""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.autograd.function import FunctionCtx

from reccl.data.sparse import spmm


class Propagate(torch.autograd.Function):
    """y = A x, dL/dx = A' dL/dy; A is constant. Always float32 under autocast: CSR has no bf16 product."""

    @staticmethod
    @torch.amp.custom_fwd(device_type="cuda", cast_inputs=torch.float32)  # type: ignore[untyped-decorator]
    def forward(ctx: Any, matrix: Tensor, transpose: Tensor, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D]."""
        ctx.transpose = transpose
        return spmm(matrix, x)

    @staticmethod
    @torch.amp.custom_bwd(device_type="cuda")  # type: ignore[untyped-decorator]
    def backward(ctx: FunctionCtx, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """The gradient in x: [N, D] -> [N, D]."""
        return None, None, spmm(ctx.transpose, gradients[0])  # type: ignore[attr-defined]
