"""Cached propagation: rows of a sum of layers, of which layer 0 alone is today's; see `propagations.Cached`."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor
from typing_extensions import override

from reccl.encoders.history import History
from reccl.encoders.propagation import Propagation, PropagationState, add_to_rows


class CachedPropagation(Propagation):
    """Lookups of layer 0, and of a history's sum with the layers behind hops as they were.

    Args:
        start: [N, D] layer 0.
        history: of the sum.
        late: [N, D] where the backward pass adds the gradient of what was looked up of the sum.

    """

    def __init__(self, start: Tensor, history: History, late: Tensor) -> None:
        self.state = CachedState(start, history, late)


class CachedState(PropagationState):
    """The state of a propagation without hops, whose lookups of the history's sum have more added."""

    def __init__(self, start: Tensor, history: History, late: Tensor) -> None:
        super().__init__(start, (), ())
        self.history, self.late = history, late

    def is_sum(self, weights: Sequence[float]) -> bool:
        """Whether these are the history's weights; else they are of layer 0 alone."""
        assert tuple(weights) == self.history.weights or not any(weights[1:])
        return any(weights[1:])

    @override
    def lookup(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        own = super().lookup(weights[:1], rows)
        if not self.is_sum(weights):
            return own
        behind = self.history.behind
        return own + (behind if rows is None else behind.index_select(0, rows))

    @override
    @torch.no_grad()
    def backward(self) -> Tensor:
        for weights, rows, gradient in self.gradients:
            if self.is_sum(weights):
                add_to_rows(self.late, rows, gradient, 1.0)
        return super().backward()
