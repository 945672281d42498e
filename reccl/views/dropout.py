"""Dropout: the whole graph, with components of layers or inputs dropped."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.views.view import View, ViewSettings

if TYPE_CHECKING:
    from torch import Tensor


class Dropout(ViewSettings):
    """SimCSE: the same input twice through the encoder, with other components dropped each time, is a positive pair.

    SimCSE: Simple Contrastive Learning of Sentence Embeddings, Gao et al., EMNLP 2021; https://arxiv.org/abs/2104.08821:
    x' = m * x / (1 - rate), each component of m in {0, 1} is 0 with probability `rate`: of every layer's output
    (`rate`), and of the encoder's inputs, id embeddings and features (`input_rate`). An encoder without layers sees
    only the second. It is also SelfCF's embedding dropout (https://arxiv.org/abs/2107.03019), and, as the view of a
    ranking term, the dropout of BSL's matrix factorization (input_rate .1).

    Where we differ: SimCSE drops inside a Transformer, SelfCF once after the last layer, BSL from users alone. Every
    step drops other components.

    >>> import polars as pl
    >>> graph = Graph.from_interactions(pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 2]}), 3, 3)
    >>> view = Dropout(rate=0, input_rate=0.5).sample(graph, torch.Generator().manual_seed(5))
    >>> view.perturb_table(torch.ones(6, 2))[:3]
    tensor([[0., 2.],
            [2., 2.],
            [2., 0.]])
    """

    kind: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of a layer's output is dropped."""
    input_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a component of an encoder's input (layer 0) is dropped."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        def perturb_inputs(nodes: Tensor, inputs: list[Tensor]) -> list[Tensor]:
            return [drop_components(x, self.input_rate, generator) for x in inputs]

        def perturb_layer(x: Tensor, layer: int) -> Tensor:
            return drop_components(x, self.rate, generator)

        return View(
            (graph.adjacency,), perturb_inputs if self.input_rate else None, perturb_layer if self.rate else None
        )


def drop_components(x: Tensor, rate: float, generator: torch.Generator) -> Tensor:
    """X -> m * x / (1 - rate), every component of m zero with probability `rate`: [.., D] -> [.., D]."""
    kept = torch.empty_like(x, requires_grad=False).bernoulli_(1 - rate, generator=generator)
    return x * kept.div_(1 - rate)
