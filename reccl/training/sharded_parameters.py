"""Sharded parameters: of which every rank has the rows of its nodes, their gradients, and what is kept of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from reccl.distributed.collect import collect, hand_out
from reccl.distributed.shard import Shard
from reccl.lazy import nn, torch

if TYPE_CHECKING:
    from torch import Tensor

NodeRows = Mapping[str, tuple[str, ...]]
"""Name of a tensor with a row for each node -> whose, in order."""


class ShardedParameters:
    """Which parameters have a row for each node, and so other rows on each rank; all others are alike on all ranks.

    The gradients of the first are whole once the backward pass is over: the exchange has summed them. Each rank has its
    part of the gradients of the others.
    """

    def __init__(self, learned: nn.Module, shard: Shard) -> None:
        self.shard, self.names = shard, node_rows(learned)
        trained = {name: one for name, one in learned.named_parameters() if one.requires_grad}
        self.of_nodes = [one for name, one in trained.items() if name in self.names]
        self.alike = [one for name, one in trained.items() if name not in self.names]

    def sum_gradients(self) -> None:
        """The gradients of parameters that are alike on all ranks become the sum over the ranks: one all-reduce."""
        with_gradient = [parameter for parameter in self.alike if parameter.grad is not None]
        if not with_gradient:
            return
        flat = torch.cat([gradient_of(parameter).flatten() for parameter in with_gradient])
        parts = self.shard.group.sum(flat).split([parameter.numel() for parameter in with_gradient])
        for parameter, part in zip(with_gradient, parts, strict=True):
            gradient_of(parameter).copy_(part.view_as(parameter))

    def clip_gradients(self, max_norm: float) -> None:
        """Scale all gradients so that together, over all ranks, they are no longer than `max_norm`."""
        squares = sum_squares(self.of_nodes, self.shard) if self.of_nodes else None
        own = [parameter.grad for parameter in self.alike if parameter.grad is not None]
        alike = torch.nn.utils.get_total_norm(own).square() if own else None
        total = torch.stack([each for each in (squares, alike) if each is not None]).sum().sqrt()
        nn.utils.clip_grads_with_norm_([*self.of_nodes, *self.alike], max_norm, total)


def sum_squares(parameters: list[nn.Parameter], shard: Shard) -> Tensor:
    """The sum of the squared gradients of the rows of all ranks, a scalar."""
    norm = torch.nn.utils.get_total_norm([gradient_of(parameter) for parameter in parameters])
    return shard.group.sum(norm.square())


def gradient_of(parameter: nn.Parameter) -> Tensor:
    """The gradient; zeros where there is none."""
    return torch.zeros_like(parameter) if parameter.grad is None else parameter.grad


def node_rows(learned: nn.Module) -> dict[str, tuple[str, ...]]:
    """The parameters of all encoders in a module that have a row for each node."""
    from reccl.encoders import Encoder

    return {
        f"{path}.{name}": sides
        for path, module in learned.named_modules()
        if isinstance(module, Encoder)
        for name, sides in module.node_tables().items()
    }


def collect_tensors(tensors: Mapping[str, Tensor], rows: NodeRows, shard: Shard) -> dict[str, Tensor]:
    """Whole tensors on rank 0, in the memory of its machine; nothing on the others. All ranks have the same names."""
    whole = {}
    for name, tensor in tensors.items():
        held = collect(tensor.detach().cpu(), rows[name], shard) if name in rows else tensor
        if held is not None and shard.group.leads:
            whole[name] = held
    return whole


def hand_out_tensors(tensors: Mapping[str, Tensor], rows: NodeRows, shard: Shard) -> dict[str, Tensor]:
    """From rank 0's whole tensors those of every rank: the rows of its nodes, and all that is alike on all ranks."""
    group = shard.group
    about = group.share([(name, tensor.shape, tensor.dtype) for name, tensor in tensors.items()])
    received = {}
    for name, shape, dtype in about:
        whole = tensors[name].cpu() if group.leads else None
        if name in rows:
            own = sum(shard.side(side).own.stop - shard.side(side).own.start for side in rows[name])
            received[name] = hand_out(whole, torch.empty(own, *shape[1:], dtype=dtype), rows[name], shard)
        else:
            received[name] = torch.empty(shape, dtype=dtype) if whole is None else whole.contiguous()
            torch.distributed.broadcast(received[name], src=0)
    return received
