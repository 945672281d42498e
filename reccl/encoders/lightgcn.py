"""LightGCN: embeddings smoothed over the user-item graph."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, rows_of
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.views import View


class LightGCN(EncoderSettings):
    """LightGCN, He et al., SIGIR 2020; https://arxiv.org/abs/2002.02126, eq. 7-8 in matrix form:

    E^(l+1) = D^-1/2 A D^-1/2 E^(l),   E = mean of E^(0) .. E^(L)

    E^(0) [N, D] is the only parameter. Where we differ: `initial_weight` 0 leaves E^(0) out of the mean, as
    LightGCN++ and EGCF found useful; the paper's mean is `initial_weight` 1.
    """

    kind: Literal["lightgcn"] = "lightgcn"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    layers: Annotated[int, Field(ge=0)] = 3
    """Hops over the graph (L)."""
    initial_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of E^(0) in the mean, where every other layer has weight 1."""
    initialization: AnyInitialization = Normal()
    """How E^(0) starts."""

    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        """See `EncoderSettings.build`; features are not used."""
        user_table = self.initialization.table(graph.users, self.dimension, generator)
        item_table = self.initialization.table(graph.items, self.dimension, generator)
        return LightGCNEncoder(user_table, item_table, self.layers, self.initial_weight)


class LightGCNEncoder(Encoder):
    """One table over all nodes, [N, D], users first."""

    def __init__(self, users: Tensor, items: Tensor, layers: int, initial_weight: float) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D]
        self.sizes = [len(users), len(items)]
        self.layers = layers
        self.initial_weight = initial_weight if layers else 1.0

    def forward(self, view: View) -> Embeddings:
        """See `Encoder.forward`."""
        x: Tensor = self.nodes  # [N, D]
        total, layers = self.initial_weight * x, []
        for layer in range(self.layers):
            x = view.propagate(x, layer)  # [N, D]
            total = total + x
            layers.append(self.sides(x))
        return self.sides(total / (self.layers + self.initial_weight), tuple(layers))

    def sides(self, nodes: Tensor, layers: tuple[Embeddings, ...] = ()) -> Embeddings:
        """Users and items of a table of all nodes, [N, D]."""
        users, items, initial_users, initial_items = (
            rows_of(side) for table in (nodes, self.nodes) for side in table.split(self.sizes)
        )
        return Embeddings(users, items, initial_users, initial_items, layers)
