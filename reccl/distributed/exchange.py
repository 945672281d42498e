"""Exchange: rows that every rank computes some of and all ranks get, with the gradients on the way back."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, cast

import torch
from torch.autograd.function import once_differentiable

from reccl.data.sparse import spmm
from reccl.distributed.gathered import AT_ONCE
from reccl.distributed.group import Group
from reccl.distributed.shard import NodeRange, Shard, pad_to

if TYPE_CHECKING:
    from torch import Tensor


class Gather(torch.autograd.Function):
    """Forward an all-gather of rows, backward the reduce-scatter of their gradients.

    Every rank computes a part of the loss from the rows of all, so that the gradient of a row is the sum of the
    gradients that the ranks have for it: [n, D] -> [W n, D].
    """

    @staticmethod
    def forward(ctx: Any, x: Tensor, group: Group) -> Tensor:
        """[n, D] -> [W n, D]."""
        ctx.group = group
        return group.gather(x)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None]:
        """[W n, D] -> [n, D]."""
        return ctx.group.scatter_sum(gradient), None


class PropagateShard(torch.autograd.Function):
    """y = A x for the rows of A that are this rank's, x and y the rows of its nodes: one all-gather of x.

    A is symmetric, so dL/dx = A dL/dy is the same: an all-gather of the gradient, the same rows of A, and every sum in
    the order in which one process takes it. (The other way back, products with the columns of A and a reduce-scatter,
    moves as many bytes and needs the transpose.)
    """

    @staticmethod
    def forward(ctx: Any, matrix: Tensor, shard: Shard, x: Tensor) -> Tensor:
        """[n, W S] CSR, [n, D] -> [n, D]."""
        ctx.matrix, ctx.shard = matrix, shard
        with torch.autocast(x.device.type, enabled=False):
            return multiply(matrix, shard, x.to(matrix.dtype))

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> tuple[None, None, Tensor]:
        """The gradient in x: [n, D] -> [n, D]."""
        return None, None, multiply(ctx.matrix, ctx.shard, gradients[0])


def multiply(matrix: Tensor, shard: Shard, x: Tensor) -> Tensor:
    """The rows of A x that are this rank's, [n, D], from those of x; `AT_ONCE` bounds what is gathered at a time."""
    numbers = shard.stride * x.shape[1]  # of a rank
    columns = max(max(AT_ONCE, 2 * numbers) // max(shard.group.size * shard.stride, 1), 1)
    if columns >= x.shape[1]:
        return spmm(matrix, shard.group.gather(pad_to(x, shard.stride)))
    out = torch.empty_like(x)
    for part, some in zip(out.split(columns, 1), x.split(columns, 1), strict=True):
        part.copy_(spmm(matrix, shard.group.gather(pad_to(some, shard.stride))))
    return out


class SharedRows:
    """The rows of one side, of which every rank computes its own and all ranks get all that they ask for.

    All ranks ask for the same rows, as they do where they draw the same batches and negatives: so nobody has to say
    what it wants, and a lookup is one all-gather of what each has of it.

    Args:
        own: rows of this rank by their place in its range -> embeddings; None: all of them.
        range_: which rows are whose.

    """

    def __init__(self, own: Callable[[Tensor | None], Tensor], range_: NodeRange) -> None:
        self.own, self.range, self.group = own, range_, range_.group

    def __call__(self, rows: Tensor | None) -> Tensor:
        """[..] -> [.., D]; None -> all, [n, D]."""
        if rows is None:
            return self.all()
        flat = rows.reshape(-1)  # [n]
        owner = self.range.owner(flat)  # [n]
        counts = torch.bincount(owner, minlength=self.group.size)  # [W]
        order = owner.argsort(stable=True)  # [n] rank by rank
        first, stride = counts.cumsum(0) - counts, int(counts.max())
        nth = torch.arange(len(flat), device=flat.device)
        place = torch.empty_like(flat)
        place[order] = owner[order] * stride + nth - first[owner[order]]  # [n] in the gathered rows
        x = self.own(flat[owner == self.group.rank] - self.range.own.start)  # [own, D]
        gathered = gather_rows(pad_to(x, stride), self.group)  # [W stride, D]
        return gathered.index_select(0, place).view(*rows.shape, -1)

    def all(self) -> Tensor:
        """[n, D] all rows of the side, on every rank."""
        stride = max(self.range.size_on(rank) for rank in range(self.group.size))
        x = gather_rows(pad_to(self.own(None), stride), self.group)  # [W stride, D]
        if len(x) == self.range.number:
            return x
        return x.index_select(0, self.range.place(torch.arange(self.range.number, device=x.device), stride))


def gather_rows(x: Tensor, group: Group) -> Tensor:
    """[n, D] of every rank -> [W n, D], differentiable; see `Gather`."""
    return cast("Tensor", Gather.apply(x, group))  # type: ignore[no-untyped-call]
