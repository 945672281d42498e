"""Sampled propagation: rows of sums of layers, from sampled neighbors; see `propagations.Sampled`."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from torch import Tensor
from typing_extensions import override

from reccl.data.neighbors import SampledRows
from reccl.encoders.history import History
from reccl.encoders.propagation import Hop, Propagation

Sampler = Callable[[Tensor, int], SampledRows]
"""(rows [n], hop 0 ..) -> those rows of the hop's matrix, with some of their entries."""


class SampledPropagation(Propagation):
    """A propagation whose lookups behind hops are sampled. All rows together, and layer 0, are exact.

    Args:
        start: [N, D] layer 0.
        hops: L of them, linear; they run where all rows are looked up.
        sample: rows of the hops' matrices.
        history: of its weights, of which lookups sample the change; None: they sample all.

    """

    def __init__(self, start: Tensor, hops: Sequence[Hop], sample: Sampler, history: History | None = None) -> None:
        super().__init__(start, hops)
        self.sample, self.history = sample, history

    @override
    def lookup(self, weights: Sequence[float], rows: Tensor | None) -> Tensor:
        if rows is None or not any(weights[1:]):
            return super().lookup(weights, rows)
        distinct, place = rows.unique(return_inverse=True)
        if self.history is None or self.history.weights != tuple(weights):
            return self.sum_ahead(distinct, weights, 0)[place]
        behind, start = self.history.behind[distinct], self.history.start
        assert start is not None
        change = self.sum_ahead(distinct, weights, 0, start)
        return (weights[0] * start[distinct] + behind + change)[place]

    def sum_ahead(self, nodes: Tensor, weights: Sequence[float], layer: int, old: Tensor | None = None) -> Tensor:
        """Nodes [n] in the sampled sum of w_l A^(l - layer) T_0, l >= layer: [n, D]; of T_0 - `old` where given."""
        x = self.lookup_start(nodes)  # [n, D]
        own = weights[layer] * (x if old is None else x - old[nodes])
        if not any(weights[layer + 1 :]):
            return own
        matrix = self.sample(nodes, layer)
        return own + matrix @ self.sum_ahead(matrix.nodes, weights, layer + 1, old)
