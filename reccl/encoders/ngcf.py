"""NGCF: graph convolution with weight matrices, in which similar neighbors weigh more."""

from itertools import pairwise
from typing import Annotated, Literal, Self

import torch
from pydantic import Field, model_validator
from torch import Tensor, nn
from torch.nn.functional import leaky_relu, normalize
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.dropout import Dropout
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, lookup_in
from reccl.encoders.initialization import AnyInitialization, Xavier
from reccl.views import View


class NGCF(EncoderSettings):
    """Neural Graph Collaborative Filtering, Wang et al., SIGIR 2019, eq. 7-9; https://arxiv.org/abs/1905.08108:

    E^(l+1) = LeakyReLU( (A + I) E^(l) W1 + (A E^(l) * E^(l)) W2 ),   E = [E^(0) ; E^(1) ; .. ; E^(L)]

    A [N, N] is the view's normalized adjacency, * the element-wise product; E^(0) and each layer's W1, W2 are learned.
    E [N, D] is split among the L + 1 parts, the first ones one component wider where D does not divide evenly: the
    paper's 64 components a layer with three layers are `dimension` 256.

    Where we differ: like the authors' code, each layer's part is scaled to length one before it is concatenated,
    and dropout applies to messages after the activation, whose slope below zero is .2; unlike it, one activation over
    both summands, no biases, and D^-1/2 A D^-1/2 as printed, where their default is D^-1 (A + I) in both summands. The
    parts are narrower than E, so a cross-layer term has no layers to use.

    >>> import polars as pl
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = NGCF(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["ngcf"] = "ngcf"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D), of all parts together; at least one per part."""
    layers: Annotated[int, Field(ge=0)] = 3
    """Layers: hops over the graph (L)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of a message is dropped in training."""
    initialization: AnyInitialization = Xavier()
    """How E^(0) starts."""

    @model_validator(mode="after")
    def _wide_enough(self) -> Self:
        """Require at least one component per part."""
        if self.dimension <= self.layers:
            raise ValueError(
                f"dimension {self.dimension} is too small for {self.layers + 1} parts: raise it, or use fewer layers"
            )
        return self

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        widths = split_evenly(self.dimension, self.layers + 1)
        user_table, item_table = self.initialization.sample_tables(graph, widths[0], generator)
        return NGCFEncoder(user_table, item_table, widths, self.dropout, generator)


class NGCFEncoder(Encoder):
    """One table over all nodes, users first, and two weight matrices per layer."""

    def __init__(
        self, users: Tensor, items: Tensor, widths: list[int], dropout: float, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D_0]
        self.sizes = [len(users), len(items)]
        self.sums = glorot_matrices(widths, generator)  # W1 of each layer, [D_l, D_l+1]
        self.products = glorot_matrices(widths, generator)  # W2
        self.drop = Dropout(dropout, generator)

    @override
    def forward(self, view: View) -> Embeddings:
        x = view.perturb_table(self.nodes)  # [N, D_0]
        parts = [x]
        for layer, (sums, products) in enumerate(zip(self.sums, self.products, strict=True)):
            near = view.propagate(x, layer)  # [N, D_l]
            x = self.drop(leaky_relu((near + x) @ sums + (near * x) @ products, 0.2))  # [N, D_l+1]
            parts.append(normalize(x))
        users, items = torch.cat(parts, 1).split(self.sizes)  # [U, D], [I, D]
        initial_users, initial_items = self.nodes.split(self.sizes)
        return Embeddings(lookup_in(users), lookup_in(items), lookup_in(initial_users), lookup_in(initial_items))


def split_evenly(total: int, parts: int) -> list[int]:
    """Split `total` into `parts` whole numbers, as even as possible, the larger first."""
    return [total // parts + (part < total % parts) for part in range(parts)]


def glorot_matrices(widths: list[int], generator: torch.Generator) -> nn.ParameterList:
    """A weight matrix between every two neighboring widths, Glorot and Bengio 2010."""
    shapes = (torch.empty(inputs, outputs) for inputs, outputs in pairwise(widths))
    return nn.ParameterList(nn.init.xavier_uniform_(weight, generator=generator) for weight in shapes)
