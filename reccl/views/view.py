"""View: one sampled way to see the training graph."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.memory import Need, Sizes
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor

InputPerturbation = Callable[["Tensor", "list[Tensor]"], "list[Tensor]"]
"""(nodes [..], the encoder's inputs for them, each [.., its width]) -> the same inputs, perturbed."""

LayerPerturbation = Callable[["Tensor", int], "Tensor"]
"""(x [N, D], layer) -> x perturbed, [N, D]; may write over x. Differentiable, another draw at every call."""

LayerNoise = Callable[["Tensor", "Tensor | None"], "Tensor"]
"""(x [n, D], the nodes that its rows belong to [n]; None: all N) -> x plus noise, written over x.

The noise is a constant in the backward pass. One such function adds the same noise to a node at every call.
"""


class Matrix(Protocol):
    """An N x N matrix as an encoder needs it: `Adjacency`, or `LowRank` of the SVD view."""

    def __matmul__(self, x: Tensor) -> Tensor:
        """[N, N] @ [N, D] -> [N, D], differentiable in x."""

    @property
    def edges(self) -> Tensor:
        """[2, E'] directed edges (sender, receiver); TrainingError where the matrix has none to list."""


@dataclass(frozen=True)
class View:
    """What an encoder sees. Node u is user u, node U + i is item i. In a forward pass an encoder

    1. gives its inputs of layer 0 (id embeddings, features) to `input_perturbation`, once, and
    2. at layer l = 0, 1, .. propagates over `matrix(l)`, then applies `layer_perturbation`, then the layer's noise.

    `propagate` is all of step 2. An encoder that computes some rows only may add the noise to those rows alone.

    Two views are equal where all four fields are: an encoder need not run twice for them.
    """

    matrices: tuple[Matrix, ...]  # one for every layer, or a single one for all
    input_perturbation: InputPerturbation | None = None
    layer_perturbation: LayerPerturbation | None = None
    noise_sampler: Callable[[], LayerNoise] | None = None  # samples the noise of one layer in one forward pass

    def matrix(self, layer: int) -> Matrix:
        """The matrix of a layer; beyond the last one, the last."""
        return self.matrices[min(layer, len(self.matrices) - 1)]

    def propagate(self, x: Tensor, layer: int) -> Tensor:
        """One layer: [N, D] -> [N, D]."""
        return self.add_noise(self.hop(x, layer))

    def hop(self, x: Tensor, layer: int) -> Tensor:
        """One layer without its noise: [N, D] -> [N, D]."""
        return self.perturb_layer(self.matrix(layer) @ x, layer)

    def perturb_layer(self, x: Tensor, layer: int) -> Tensor:
        """Apply `layer_perturbation` to a layer's output, [N, D], where there is one."""
        return self.layer_perturbation(x, layer) if self.layer_perturbation else x

    def add_noise(self, x: Tensor) -> Tensor:
        """Add newly sampled noise to a layer's output, [N, D], in place, where there is any."""
        return self.noise_sampler()(x, None) if self.noise_sampler else x

    def sample_noise(self, layers: int) -> list[LayerNoise | None]:
        """The noise of every layer for one forward pass."""
        return [self.noise_sampler() if self.noise_sampler else None for _ in range(layers)]

    def perturb_table(self, nodes: Tensor) -> Tensor:
        """Apply `input_perturbation` to an encoder's only input, a table of all nodes: [N, D] -> [N, D]."""
        if self.input_perturbation is None:
            return nodes
        (perturbed,) = self.input_perturbation(torch.arange(len(nodes), device=nodes.device), [nodes])
        return perturbed

    def input_perturbation_from(self, first: int) -> InputPerturbation | None:
        """`input_perturbation` for rows of one side, whose row 0 is node `first`; None where there is none."""
        perturb = self.input_perturbation
        return None if perturb is None else lambda rows, inputs: perturb(rows + first, inputs)


class ViewSettings(Settings):
    """The config of a view."""

    def needs_one_process(self) -> str | None:
        """What of it cannot be shared by several processes, such as its kind; None: nothing. Then all of its random
        numbers are the same on every rank, and its matrices are made by the graph (`Graph.drop_edges`).
        """
        return f"view {getattr(self, 'kind', type(self).__name__)}"

    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Bytes of a sampled view beside the graph, and those while it is sampled; by default none."""
        return ()

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """Sample the view; called once an epoch. `generator` is on the graph's device."""
        raise NotImplementedError

    @property
    def is_complement(self) -> bool:
        """Whether the view, as the second of a term's two, is sampled by `sample_complement`."""
        return False

    def sample_complement(self, first: View, graph: Graph, generator: torch.Generator) -> View:
        """Sample the view as the complement of a term's first one; called where `is_complement`."""
        raise NotImplementedError
