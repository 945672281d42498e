"""Convolution: ids and features smoothed by learned graph convolutions, GraphSAGE or GAT."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.tower_settings import TowerSettings
from reccl.lazy import nn, torch
from reccl.memory import FLOAT, Need, Sizes

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


class Convolution(TowerSettings):
    """Torch Geometric's own SAGEConv or GATConv over the view's edges, over all nodes at once:

    graphsage: x_i' = W1 x_i + W2 (mean of x_j over the neighbors j) + b; Inductive Representation Learning on Large
    Graphs, Hamilton et al., NeurIPS 2017; https://arxiv.org/abs/1706.02216.

    gat: x_i' = sum of a_ij W x_j over the neighbors and i itself, + b, where a_ij is the softmax over j of
    LeakyReLU(q . W x_i + k . W x_j); Graph Attention Networks, Velickovic et al., ICLR 2018;
    https://arxiv.org/abs/1710.10903.

    x^(0) [N, D] is a linear layer over a node's id embedding and features, plus the id embedding (`two_tower` without
    hidden layers); LeakyReLU between the layers; E = x^(0) + x^(L).

    Where we differ: x^(0) is added at the end; all neighbors, not a sample of them; heads are averaged in every
    layer; a view's edges count, not its weights. Slower than `lightgcn`: a message for each edge is held in memory.

    >>> import polars as pl
    >>> from reccl.views import View
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = Convolution(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    takes_weights = False
    kind: Literal["convolution"] = "convolution"
    operator: Literal["gat", "graphsage"] = "graphsage"
    """Which convolution."""
    layers: Annotated[int, Field(ge=1)] = 2
    """Layers: hops over the graph (L)."""
    heads: Annotated[int, Field(ge=1)] = 1
    """Attention heads, which are averaged; of gat only."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a component of a layer's input is dropped in training."""

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Beside its tables a message for each directed edge and layer, and its gradient at one layer."""
        (tables,) = super().memory(sizes)
        messages = FLOAT * 2 * sizes.interactions * self.dimension * (self.layers + 1)
        return (replace(tables, working=2 * tables.working + messages),)

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.dropout import Dropout
        from reccl.encoders.modules.convolution import ConvolutionEncoder

        users, items = self.build_towers(graph, features, generator)
        layers = [self.build_layer(generator) for _ in range(self.layers)]
        return ConvolutionEncoder(users, items, layers, Dropout(self.dropout, generator))

    def build_layer(self, generator: torch.Generator) -> nn.Module:
        """One convolution; Glorot weights from the generator, biases zero."""
        from torch_geometric.nn import GATConv, SAGEConv  # seconds, so only where it is used

        size = (self.dimension, self.dimension)
        gat = self.operator == "gat"
        with torch.random.fork_rng(devices=[]):  # Torch Geometric initializes from the global generator
            layer: nn.Module = GATConv(*size, heads=self.heads, concat=False) if gat else SAGEConv(*size)
        for parameter in layer.parameters():
            if parameter.dim() == 1:
                nn.init.zeros_(parameter)
            else:
                nn.init.xavier_uniform_(parameter.view(-1, parameter.shape[-1]), generator=generator)
        return layer
