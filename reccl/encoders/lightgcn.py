"""LightGCN: embeddings smoothed over the user-item graph."""

from functools import partial
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import normalize
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, Rows
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.encoders.propagation import Propagation
from reccl.views import View


class LightGCN(EncoderSettings):
    """LightGCN, He et al., SIGIR 2020; https://arxiv.org/abs/2002.02126, eq. 7-8 in matrix form:

    E^(l+1) = D^-1/2 A D^-1/2 E^(l),   E = mean of E^(0) .. E^(L)

    E^(0) [N, D] is the only parameter. Where we differ: `initial_weight` 0 leaves E^(0) out of the mean, as
    LightGCN++ and EGCF found useful; the paper's mean is `initial_weight` 1.

    LightGCN++ (Revisiting LightGCN, Lee et al., RecSys 2024; https://github.com/geon0325/LightGCNpp) frees the
    exponents and sends directions instead of embeddings, n(e) = e / |e|:

    E^(l+1) = D^-alpha A D^-beta n(E^(l)),   E = gamma E^(0) + (1 - gamma) mean of E^(1) .. E^(L)

    alpha is `receiver_exponent`, beta `sender_exponent`, n `unit_norm`, gamma `initial_weight / (L + initial_weight)`.
    Computed as D^(1/2 - alpha) [D^-1/2 A D^-1/2] D^(1/2 - beta), so that a view gives its one symmetric matrix. Where
    we differ: the outer factors count all training edges, also in a view that drops some. Where interactions have
    weights, A holds them and D their sums.

    >>> import polars as pl
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = LightGCN(dimension=4, layers=2).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["lightgcn"] = "lightgcn"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    layers: Annotated[int, Field(ge=0)] = 3
    """Layers: hops over the graph (L)."""
    initial_weight: Annotated[float, Field(ge=0)] = 1.0
    """Weight of E^(0) in the mean, where every other layer has weight 1."""
    receiver_exponent: float = 0.5
    """Exponent of a node's own degree, which divides the sum over its neighbors (alpha of LightGCN++: 0.6)."""
    sender_exponent: float = 0.5
    """Exponent of a neighbor's degree, which divides its embedding in the sum (beta of LightGCN++: -0.1)."""
    unit_norm: bool = False
    """Scale every embedding to length one before each hop (LightGCN++: true)."""
    initialization: AnyInitialization = Normal()
    """How E^(0) starts."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        user_table, item_table = self.initialization.sample_tables(graph, self.dimension, generator)
        strength = torch.cat([graph.user_strength, graph.item_strength]).float()[:, None]  # [N, 1]
        degree = strength.masked_fill(strength == 0, 1)
        before, after = (
            None if exponent == 0.5 else degree ** (0.5 - exponent)
            for exponent in (self.sender_exponent, self.receiver_exponent)
        )
        return LightGCNEncoder(user_table, item_table, self, before, after)


class LightGCNEncoder(Encoder):
    """One table over all nodes, [N, D], users first."""

    before: Tensor | None
    after: Tensor | None

    def __init__(
        self, users: Tensor, items: Tensor, settings: LightGCN, before: Tensor | None, after: Tensor | None
    ) -> None:
        super().__init__()
        self.nodes = nn.Parameter(torch.cat([users, items]))  # [N, D]
        self.sizes = [len(users), len(items)]
        self.layers, self.unit_norm = settings.layers, settings.unit_norm
        self.initial_weight = settings.initial_weight if self.layers else 1.0
        self.register_buffer("before", before, persistent=False)  # [N, 1] factors of a hop's input rows
        self.register_buffer("after", after, persistent=False)  # [N, 1] factors of its output rows

    def forward(self, view: View) -> Embeddings:
        """See `Encoder.forward`. Hops run once rows behind them are looked up (L2 looks up none); where the view
        perturbs layers at random they run at once, so that the order of terms does not change the random numbers.
        """
        hops = [partial(self.hop, view, layer=layer) for layer in range(self.layers)]
        propagation = Propagation(view.perturb_table(self.nodes), hops, view.sample_noise(self.layers))
        initial = Propagation(self.nodes) if view.input_perturbation else propagation
        if view.layer_perturbation:
            propagation.run()
        weights = [self.initial_weight, *[1.0] * self.layers]
        mean = [weight / (self.layers + self.initial_weight) for weight in weights]
        one_hot = [[float(number == layer) for number in range(self.layers + 1)] for layer in range(self.layers + 1)]
        start = self.side_rows(initial, one_hot[0], 0), self.side_rows(initial, one_hot[0], 1)
        layers = tuple(
            Embeddings(self.side_rows(propagation, layer, 0), self.side_rows(propagation, layer, 1), *start)
            for layer in one_hot[1:]
        )
        return Embeddings(self.side_rows(propagation, mean, 0), self.side_rows(propagation, mean, 1), *start, layers)

    def hop(self, view: View, x: Tensor, layer: int) -> Tensor:
        """From one layer to the next: [N, D] -> [N, D]."""
        x = normalize(x) if self.unit_norm else x
        x = x if self.before is None else self.before * x
        x = view.hop(x, layer)
        return x if self.after is None else self.after * x

    def side_rows(self, propagation: Propagation, weights: list[float], side: int) -> Rows:
        """Users (0) or items (1) in a weighted sum of layers."""
        return propagation.rows_of(weights, side * self.sizes[0], self.sizes[side])
