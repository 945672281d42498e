"""Dropout: the whole graph, each layer's embeddings or the encoder's inputs with components left out."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class Dropout(ViewSettings):
    """SimCSE: the same input twice through the encoder, other components dropped each time, is a pair of positives.

    SimCSE: Simple Contrastive Learning of Sentence Embeddings, Gao et al., EMNLP 2021; https://arxiv.org/abs/2104.08821:
    x' = m * x / (1 - rate), each component of m in {0, 1} is 0 with probability `rate`: of every layer's output after a
    hop (`rate`), and of what the encoder starts from, id embeddings and features (`input_rate`). An encoder without
    hops sees only the second. Also the disturbance of SelfCF's embedding dropout (https://arxiv.org/abs/2107.03019),
    and, as the view of a ranking term, the dropout of BSL's matrix factorization (input_rate .1).

    Where we differ: SimCSE drops inside a Transformer, SelfCF once after the last layer, BSL from users alone. Another
    draw at every step.
    """

    kind: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of a hop's output is dropped."""
    input_rate: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a component of an encoder's input (layer 0) is dropped."""

    @override
    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        hops = Masking(self.rate, generator).after_hop if self.rate else None
        inputs = Masking(self.input_rate, generator).of_inputs if self.input_rate else None
        return View((graph.adjacency,), hops, inputs)


class Masking:
    """x -> m * x / (1 - rate), m of x's shape drawn anew at every call."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self.rate, self.generator = rate, generator

    def __call__(self, x: Tensor) -> Tensor:
        """[.., D] -> [.., D]."""
        kept = torch.empty_like(x, requires_grad=False).bernoulli_(1 - self.rate, generator=self.generator)
        return x * kept.div_(1 - self.rate)

    def after_hop(self, x: Tensor, layer: int) -> Tensor:
        """See `View.perturb`."""
        return self(x)

    def of_inputs(self, nodes: Tensor, inputs: list[Tensor]) -> list[Tensor]:
        """See `View.disturb`."""
        return [self(x) for x in inputs]
