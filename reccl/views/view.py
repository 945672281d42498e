"""View: one sampled way of looking at the training graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.settings import Settings

Disturb = Callable[[Tensor, list[Tensor]], list[Tensor]]
"""(nodes [..], an encoder's inputs for them, each [.., its width]) -> the same inputs, disturbed."""

Shift = Callable[[Tensor, Tensor | None], Tensor]
"""(x [n, D], their rows [n]; None: all N) -> x plus a constant, written over it; the same for a row every time."""


class Matrix(Protocol):
    """An N x N matrix as an encoder needs it: `Adjacency`, or `LowRank` of the SVD view."""

    def __matmul__(self, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D], differentiable in x."""

    @property
    def edges(self) -> Tensor:
        """[2, E'] directed edges (sender, receiver); TrainingError where the matrix has none to list."""


@dataclass(frozen=True)
class View:
    """What an encoder sees: the matrix that each layer propagates over, how its output is perturbed and displaced, and
    how the encoder's own inputs (id embeddings, features) are disturbed before anything else.

    Two views are equal where they hold the same of all four: an encoder need not run twice for them.
    """

    matrices: tuple[Matrix, ...]  # one for every layer, or a single one for all
    perturb: Callable[[Tensor, int], Tensor] | None = None  # ([N, D], layer) -> [N, D], may write over it
    disturb: Disturb | None = None  # node u is user u, node U + i is item i
    displace: Callable[[], Shift] | None = None  # another draw at every call: what a layer's output is displaced by

    def propagate(self, x: Tensor, layer: int) -> Tensor:
        """One hop at layer 0, 1, ...: [N, D] -> [N, D]."""
        return self.displaced(self.hop(x, layer))

    def hop(self, x: Tensor, layer: int) -> Tensor:
        """The same without displacement."""
        x = self.matrices[min(layer, len(self.matrices) - 1)] @ x  # [N, D]
        return self.perturb(x, layer) if self.perturb else x

    def displaced(self, x: Tensor) -> Tensor:
        """A layer's output with another displacement, [N, D], written over it."""
        return self.displace()(x, None) if self.displace else x

    def shifts(self, layers: int) -> list[Shift | None]:
        """The displacement of each layer's output, for one pass."""
        return [self.displace() if self.displace else None for _ in range(layers)]

    def inputs_from(self, first: int) -> Disturb | None:
        """`disturb` for rows of one side, whose first row is node `first`; None where inputs are left alone."""
        disturb = self.disturb
        return None if disturb is None else lambda rows, inputs: disturb(rows + first, inputs)


class ViewSettings(Settings):
    """The config of a view."""

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """Draw the view anew. `generator` is on the graph's device."""
        raise NotImplementedError

    @property
    def complements(self) -> bool:
        """Whether the view, as the second of a term's two, is drawn from the first by `beside`."""
        return False

    def beside(self, first: View, graph: Graph, generator: torch.Generator) -> View:
        """Draw the view from the first of a term's two; asked for where it `complements`."""
        raise NotImplementedError
