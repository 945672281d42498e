"""Propagation: a node table carried over the graph hop by hop, looked up behind any of them; one way back for all."""

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import Any, cast

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from reccl.encoders.encoder import Rows
from reccl.views import Shift

Hop = Callable[[Tensor], Tensor]
"""[N, D] -> [N, D], differentiable; with a shift behind it, its result must not be needed on the way back."""


class Propagation:
    """T_0 the table it starts from, T_l = hop_l(T_l-1) + shift_l(T_l-1), and rows of any w_0 T_0 + .. + w_L T_L.

    A term asks for a few thousand rows of tables of all nodes, and several terms ask. Torch's own way back answers each
    question with a table of zeros as large as the whole, and adds them all up. Here questions leave their rows'
    gradients with the walk, which then goes back over the hops once: what has come back over a hop is a table already,
    and the rows asked before that hop are added to it where it lies.

    Hops are taken when somebody asks for what is behind them, with or without gradients as it was at the beginning. The
    last table's shift is made for the rows that are looked up alone.

    Args:
        start: [N, D] T_0.
        hops: L of them.
        shifts: what is added to the table behind each hop, where there is such; constants to the way back.

    """

    def __init__(self, start: Tensor, hops: Sequence[Hop], shifts: Sequence[Shift | None] = ()) -> None:
        self.trail = PropagationState(start, hops, shifts)

    def take(self) -> None:
        """Take all hops now."""
        _ = self.trail.steps

    def sum_of(self, weights: Sequence[float], first: int, number: int) -> Rows:
        """The rows of one side in a weighted sum of tables: `number` of them from row `first` on."""

        def rows(asked: Tensor | None) -> Tensor:
            if asked is None:
                return self.looked_up(weights, None)[first : first + number]
            return self.looked_up(weights, (asked + first).reshape(-1)).view(*asked.shape, self.trail.start.shape[1])

        return rows

    def looked_up(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        """[n] -> [n, D]; None -> [N, D]; without gradients where they are switched off."""
        return cast(Tensor, _Question.apply(self.gathering, self.trail, weights, rows))  # type: ignore[no-untyped-call]

    @cached_property
    def gathering(self) -> Tensor:
        """An empty tensor that all answers come from: the walk's gradient is due once all theirs are there."""
        with torch.set_grad_enabled(self.trail.differentiable):
            return cast(Tensor, _Gathering.apply(self.trail.start, self.trail))  # type: ignore[no-untyped-call]


class PropagationState:
    """The tables of a walk and what was asked of them. Autograd holds it, and it holds no answer: a step's tables are
    gone with the step, and do not wait for Python's garbage collection.
    """

    def __init__(self, start: Tensor, hops: Sequence[Hop], shifts: Sequence[Shift | None]) -> None:
        self.start, self.hops, self.shifts = start, hops, (None, *(shifts or [None] * len(hops)))
        self.differentiable = torch.is_grad_enabled() and start.requires_grad
        self.asked: list[tuple[Sequence[float], Tensor | None, Tensor]] = []  # weights, rows, gradients: the way back

    @cached_property
    def steps(self) -> list[tuple[Tensor, Tensor]]:
        """What went into each hop and what came out, [N, D] each; every hop with an autograd graph of its own."""
        taken, x = [], self.start
        for number, (hop, shift) in enumerate(zip(self.hops, self.shifts[1:], strict=True), start=1):
            with torch.set_grad_enabled(self.differentiable):
                x = x.detach().requires_grad_(self.differentiable)
                y = hop(x)
            taken.append((x, y))
            x = y.detach()
            if shift is not None and number < len(self.hops):
                shift(x, None)
        return taken

    def table(self, number: int) -> Tensor:
        """T_number without autograd, [N, D]; the last one without its shift."""
        return self.steps[number - 1][1].detach() if number else self.start.detach()

    def answer(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        """The sum's rows without autograd."""
        total: Tensor | None = None
        for number, weight in enumerate(weights):
            if not weight:
                continue
            table = self.table(number)
            part = table if rows is None else table.index_select(0, rows)
            late = self.shifts[number] if number == len(self.hops) else None
            if late is not None:
                part = late(part.clone() if rows is None else part, rows)
            if weight == 1 == sum(weights):
                return part
            total = weight * part if total is None else total.add_(part, alpha=weight)
        return torch.zeros_like(self.start if rows is None else self.start[rows]) if total is None else total

    def way_back(self) -> Tensor:
        """The gradient of T_0, [N, D], from all that was asked."""
        back: Tensor | None = None  # [N, D]
        for number in range(len(self.hops), -1, -1):
            for weights, rows, gradient in self.asked:
                if not weights[number]:
                    continue
                back = torch.zeros_like(self.start) if back is None else back
                add_at(back, rows, gradient, weights[number])
            if number and back is not None:
                before, behind = self.steps[number - 1]
                (back,) = torch.autograd.grad(behind, before, back, retain_graph=True)
        self.asked.clear()
        return torch.zeros_like(self.start) if back is None else back


def walked(table: Tensor) -> Rows:
    """Rows of a table that goes nowhere, [n, D]."""
    found = Propagation(table, []).sum_of([1.0], 0, len(table))
    return lambda rows: table if rows is None else found(rows)


def add_at(table: Tensor, rows: Tensor | None, values: Tensor, weight: float) -> None:
    """Add weight * values to a table's rows ([n], which may repeat; None: all), in the same order every time.

    On CUDA index_add has no fixed order.
    """
    if rows is None:
        table.add_(values, alpha=weight)
    elif table.is_cuda:
        table.index_put_((rows,), weight * values, accumulate=True)
    else:
        table.index_add_(0, rows, values, alpha=weight)


class _Question(torch.autograd.Function):
    """Rows on the way there; on the way back their gradients are left with the walk."""

    @staticmethod
    def forward(ctx: Any, _: Tensor, trail: PropagationState, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        ctx.trail, ctx.weights, ctx.rows = trail, weights, rows
        return trail.answer(weights, rows)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None]:
        ctx.trail.asked.append((ctx.weights, ctx.rows, gradient))
        return gradient.new_empty(0), None, None, None


class _Gathering(torch.autograd.Function):
    """Nothing on the way there; on the way back the whole walk."""

    @staticmethod
    def forward(ctx: Any, start: Tensor, trail: PropagationState) -> Tensor:
        ctx.trail = trail
        return start.new_empty(0)

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, _: Tensor) -> tuple[Tensor, None]:
        return ctx.trail.way_back(), None
