"""Propagation: a node table carried over the graph layer by layer, with lookups at any layer and one backward pass."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from reccl.encoders.encoder import Rows
from reccl.losses.similarity import at_least_float32
from reccl.views import LayerNoise

Hop = Callable[[Tensor], Tensor]
"""[N, D] -> [N, D], differentiable; where noise follows, its backward pass must not need its result."""


class Propagation:
    """Layers T_0 = start and T_l = hop_l(T_l-1) + noise_l, and lookups of rows of any w_0 T_0 + .. + w_L T_L.

    A term looks up a few thousand rows of tables of all nodes, and several terms do. Torch's own backward pass answers
    each lookup with a table of zeros as large as the whole, and adds all of them up. Here lookups leave the gradients
    of their rows with the propagation, which then goes back over the hops once: at each layer the gradients of the rows
    that were looked up there are added in place to the table that came back over the hop.

    Hops run at the first lookup behind them, with or without gradients as it was when the propagation was made. The
    last layer's noise is added to the rows that are looked up only.

    Args:
        start: [N, D] T_0; its layers are in float32 at least, also where a tower gave it in bfloat16.
        hops: L of them.
        noise: of each layer, where there is any; constants in the backward pass.

    """

    def __init__(self, start: Tensor, hops: Sequence[Hop] = (), noise: Sequence[LayerNoise | None] = ()) -> None:
        self.state = PropagationState(at_least_float32(start), hops, noise)

    def run(self) -> None:
        """Run all hops now."""
        _ = self.state.steps

    def rows_of(self, weights: Sequence[float], first: int, number: int) -> Rows:
        """The rows of one side in a weighted sum of layers: `number` of them from row `first` on."""

        def rows_at(rows: Tensor | None) -> Tensor:
            if rows is None:
                return self.lookup(weights, None)[first : first + number]
            return self.lookup(weights, (rows + first).reshape(-1)).view(*rows.shape, self.state.start.shape[1])

        return rows_at

    def lookup(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        """Rows of a weighted sum of layers: [n] -> [n, D]; None -> [N, D]; without gradients under no_grad."""
        return cast(Tensor, _Lookup.apply(self.root, self.state, weights, rows))  # type: ignore[no-untyped-call]

    def lookup_start(self, rows: Tensor | None) -> Tensor:
        """Rows of T_0: [n] -> [n, D]; None -> [N, D]."""
        return Propagation.lookup(self, [1.0, *[0.0] * len(self.state.hops)], rows)

    @cached_property
    def root(self) -> Tensor:
        """An empty tensor that all lookups depend on: its backward pass is due once theirs have run."""
        with torch.set_grad_enabled(self.state.differentiable):
            return cast(Tensor, _Root.apply(self.state.start, self.state))  # type: ignore[no-untyped-call]


class PropagationState:
    """The layers and the gradients of lookups. Autograd holds it, and it holds no result of a lookup: the tables of a
    step are freed with the step, and do not wait for Python's garbage collection.
    """

    def __init__(self, start: Tensor, hops: Sequence[Hop], noise: Sequence[LayerNoise | None]) -> None:
        self.start, self.hops, self.noise = start, hops, (None, *(noise or [None] * len(hops)))
        self.differentiable = torch.is_grad_enabled() and start.requires_grad
        self.gradients: list[tuple[Sequence[float], Tensor | None, Tensor]] = []  # (weights, rows, gradient) by lookup

    @cached_property
    def steps(self) -> list[tuple[Tensor, Tensor]]:
        """Input and output of each hop, [N, D] each; every hop with an autograd graph of its own."""
        steps, x = [], self.start
        for layer, (hop, noise) in enumerate(zip(self.hops, self.noise[1:], strict=True), start=1):
            with torch.set_grad_enabled(self.differentiable):
                x = x.detach().requires_grad_(self.differentiable)
                y = hop(x)
            steps.append((x, y))
            x = y.detach()
            if noise is not None and layer < len(self.hops):
                noise(x, None)
        return steps

    def layer(self, number: int) -> Tensor:
        """T_number without autograd, [N, D]; the last one without its noise."""
        return self.steps[number - 1][1].detach() if number else self.start.detach()

    def lookup(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        """Rows of a weighted sum of layers, without autograd."""
        total: Tensor | None = None
        for number, weight in enumerate(weights):
            if not weight:
                continue
            table = self.layer(number)
            x = table if rows is None else table.index_select(0, rows)
            noise = self.noise[number] if number == len(self.hops) else None
            if noise is not None:
                x = noise(x.clone() if rows is None else x, rows)
            if weight == 1 == sum(weights):
                return x
            total = weight * x if total is None else total.add_(x, alpha=weight)
        return torch.zeros_like(self.start if rows is None else self.start[rows]) if total is None else total

    def backward(self) -> Tensor:
        """The gradient of T_0, [N, D], from those of all lookups."""
        back: Tensor | None = None  # [N, D] gradient of the current layer
        for number in range(len(self.hops), -1, -1):
            for weights, rows, gradient in self.gradients:
                if not weights[number]:
                    continue
                back = torch.zeros_like(self.start) if back is None else back
                add_to_rows(back, rows, gradient, weights[number])
            if number and back is not None:
                x, y = self.steps[number - 1]
                (back,) = torch.autograd.grad(y, x, back, retain_graph=True)
        self.gradients.clear()
        return torch.zeros_like(self.start) if back is None else back


def rows_of_table(table: Tensor) -> Rows:
    """The rows of a table [n, D] itself, without hops, with one backward pass for all lookups."""
    rows_at = Propagation(table).rows_of([1.0], 0, len(table))
    return lambda rows: table if rows is None else rows_at(rows)


def add_to_rows(table: Tensor, rows: Tensor | None, values: Tensor, weight: float) -> None:
    """Add weight * values to a table's rows ([n], which may repeat; None: all), in the same order every time.

    On CUDA index_add has no fixed order.
    """
    if rows is None:
        table.add_(values, alpha=weight)
    elif table.is_cuda:
        table.index_put_((rows,), weight * values, accumulate=True)
    else:
        table.index_add_(0, rows, values, alpha=weight)


class _Lookup(torch.autograd.Function):
    """Forward: the rows. Backward: leave their gradient with the state."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, state: PropagationState, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        ctx.state, ctx.weights, ctx.rows = state, weights, rows
        return state.lookup(weights, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        ctx.state.gradients.append((ctx.weights, ctx.rows, gradient))
        return gradient.new_empty(0), None, None, None


class _Root(torch.autograd.Function):
    """Forward: nothing. Backward: all hops, once the lookups have left their gradients."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, state: PropagationState) -> Tensor:
        ctx.state = state
        return start.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:
        return ctx.state.backward(), None
