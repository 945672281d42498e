"""View: one sampled way of looking at the training graph."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.settings import Settings


class Matrix(Protocol):
    """An N x N matrix as an encoder needs it: `Adjacency`, or `LowRank` of the SVD view."""

    def __matmul__(self, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D], differentiable in x."""

    @property
    def edges(self) -> Tensor:
        """[2, E'] directed edges (sender, receiver); TrainingError where the matrix has none to list."""


@dataclass(frozen=True)
class View:
    """What an encoder sees of the graph: the matrix that each layer propagates over, and how its output is perturbed.

    Two views are equal where they hold the same matrices and perturbation: an encoder need not run twice for them.
    """

    matrices: tuple[Matrix, ...]  # one for every layer, or a single one for all
    perturb: Callable[[Tensor, int], Tensor] | None = None  # ([N, D], layer) -> [N, D]

    def propagate(self, x: Tensor, layer: int) -> Tensor:
        """One hop at layer 0, 1, ...: [N, D] -> [N, D]."""
        x = self.matrices[min(layer, len(self.matrices) - 1)] @ x  # [N, D]
        return self.perturb(x, layer) if self.perturb else x


class ViewSettings(Settings):
    """The config of a view."""

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """Draw the view anew. `generator` is on the graph's device."""
        raise NotImplementedError
