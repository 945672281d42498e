"""Convolution: ids and features smoothed by learned graph convolutions, GraphSAGE or GAT."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import leaky_relu
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.dropout import Dropout
from reccl.encoders.encoder import Embeddings, Encoder, lookup_in
from reccl.encoders.input_tower import InputTower
from reccl.encoders.tower_settings import TowerSettings
from reccl.views import View


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
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
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


class ConvolutionEncoder(Encoder):
    """A tower for each side's inputs, and convolutions over both."""

    def __init__(self, users: InputTower, items: InputTower, layers: list[nn.Module], drop: Dropout) -> None:
        super().__init__()
        self.users, self.items = users, items
        self.layers, self.drop = nn.ModuleList(layers), drop

    @override
    def forward(self, view: View) -> Embeddings:
        users, items = view.input_perturbation_from(0), view.input_perturbation_from(len(self.users.ids))
        start = x = torch.cat([self.users(None, users), self.items(None, items)])  # [N, D]
        outputs = []
        for layer, convolution in enumerate(self.layers):
            edges = view.matrix(layer).edges  # [2, E']
            x = convolution(self.drop(leaky_relu(x) if layer else x), edges)  # [N, D]
            x = view.add_noise(view.perturb_layer(x, layer))
            outputs.append(self.split_sides(x))
        return self.split_sides(start + x, tuple(outputs))

    def split_sides(self, nodes: Tensor, layers: tuple[Embeddings, ...] = ()) -> Embeddings:
        """Users and items of a table of all nodes, [N, D]."""
        users, items = nodes.split([len(self.users.ids), len(self.items.ids)])  # [U, D], [I, D]
        return Embeddings(
            lookup_in(users),
            lookup_in(items),
            self.users.initial,
            self.items.initial,
            layers,
            users_by_features=self.users.reads_features,
            items_by_features=self.items.reads_features,
        )
