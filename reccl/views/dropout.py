"""Dropout: the whole graph, each layer's embeddings with components left out."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from reccl.data.graph import Graph
from reccl.views.view import View, ViewSettings


class Dropout(ViewSettings):
    """SimCSE: the same input twice through the encoder, other components dropped each time, is a pair of positives.

    SimCSE: Simple Contrastive Learning of Sentence Embeddings, Gao et al., EMNLP 2021; https://arxiv.org/abs/2104.08821:
    after every layer e' = m * e / (1 - rate), m in {0, 1}^(N x D), each component 0 with probability `rate`. Also the
    disturbance of SelfCF's embedding dropout (https://arxiv.org/abs/2107.03019). Another draw at every step.

    Where we differ: SimCSE drops inside a Transformer, SelfCF once after the last layer; here after every hop of the
    graph, so that an encoder without hops sees nothing of it. Layer 0 stays whole.
    """

    kind: Literal["dropout"] = "dropout"
    rate: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component is dropped."""

    def sample(self, graph: Graph, generator: torch.Generator) -> View:
        """See `ViewSettings.sample`."""
        return View((graph.adjacency,), Masking(self.rate, generator))


class Masking:
    """x -> m * x / (1 - rate), m [N, D] drawn anew at every call."""

    def __init__(self, rate: float, generator: torch.Generator) -> None:
        self.rate, self.generator = rate, generator

    def __call__(self, x: Tensor, layer: int) -> Tensor:
        """[N, D] -> [N, D]."""
        kept = torch.empty_like(x, requires_grad=False).bernoulli_(1 - self.rate, generator=self.generator)
        return x * kept.div_(1 - self.rate)
