"""NGCF: graph convolution with weights, in which alike neighbors weigh more."""

from itertools import pairwise
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, at_start, rows_of
from reccl.encoders.initialization import AnyInitialization, Xavier
from reccl.views import View


class NGCF(EncoderSettings):
    """Neural Graph Collaborative Filtering, Wang et al., SIGIR 2019, eq. 7-9; https://arxiv.org/abs/1905.08108:

    E^(l+1) = LeakyReLU( (A + I) E^(l) W1 + (A E^(l) * E^(l)) W2 ),   E = [E^(0) ; E^(1) ; .. ; E^(L)]

    A [N, N] is the view's normalized adjacency, * the element-wise product; E^(0) and each layer's W1, W2 are learned.
    E [N, D] is shared out among the L + 1 parts, the first ones one component wider where D does not divide: the
    paper's 64 components a layer with three layers are `dimension` 256.

    Where we differ: like the authors' code, each layer's part is scaled to length one before it is joined, and
    dropout falls on messages after the activation, whose slope below zero is .2; unlike it, one activation over both
    summands, no biases, and D^-1/2 A D^-1/2 as printed, where their default is D^-1 (A + I) in both summands. Parts are
    narrower than E, so no layers are shown to a cross-layer term.
    """

    kind: Literal["ngcf"] = "ngcf"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D), of all parts together; at least one a part."""
    layers: Annotated[int, Field(ge=0)] = 3
    """Hops over the graph (L)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Chance that a component of a message is dropped in training."""
    initialization: AnyInitialization = Xavier()
    """How E^(0) starts."""

    @model_validator(mode="after")
    def _wide_enough(self) -> Self:
        """At least one component a part."""
        if self.dimension <= self.layers:
            raise ValueError(
                f"dimension {self.dimension} is too small for {self.layers + 1} parts: raise it, or use fewer layers"
            )
        return self

    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        """See `EncoderSettings.build`; features are not used."""
        widths = shares(self.dimension, self.layers + 1)
        user_table, item_table = self.initialization.tables(graph, widths[0], generator)
        return NGCFEncoder(user_table, item_table, widths, self.dropout, generator)


class NGCFEncoder(Encoder):
    """One table over all nodes, users first, and two weight matrices a layer."""

    def __init__(
        self, users: Tensor, items: Tensor, widths: list[int], dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D_0]
        self.sizes = [len(users), len(items)]
        self.sums = glorot(widths, generator)  # W1 of each layer, [D_l, D_l+1]
        self.products = glorot(widths, generator)  # W2
        self.drop = nn.Dropout(dropout)

    @override
    def forward(self, view: View) -> Embeddings:
        x = at_start(view, self.nodes)  # [N, D_0]
        parts = [x]
        for layer, (sums, products) in enumerate(zip(self.sums, self.products, strict=True)):
            near = view.propagate(x, layer)  # [N, D_l]
            x = self.drop(leaky_relu((near + x) @ sums + (near * x) @ products, 0.2))  # [N, D_l+1]
            parts.append(normalize(x))
        users, items = torch.cat(parts, 1).split(self.sizes)  # [U, D], [I, D]
        initial_users, initial_items = self.nodes.split(self.sizes)
        return Embeddings(rows_of(users), rows_of(items), rows_of(initial_users), rows_of(initial_items))


def shares(total: int, parts: int) -> list[int]:
    """`total` as `parts` whole numbers, as even as can be, the larger first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def glorot(widths: list[int], generator: torch.Generator) -> nn.ParameterList:
    """A weight matrix between every two neighboring widths, Glorot and Bengio 2010."""
    shapes = (torch.empty(inputs, outputs) for inputs, outputs in pairwise(widths))
    return nn.ParameterList(nn.init.xavier_uniform_(weight, generator=generator) for weight in shapes)
