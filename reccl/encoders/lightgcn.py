"""LightGCN: embeddings smoothed over the user-item graph."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.encoders.propagations import AnyPropagation, Full, Sampled
from reccl.lazy import torch
from reccl.memory import Need, Sizes

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


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
    >>> from reccl.views import View
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
    propagation: AnyPropagation = Full()
    """How hops are taken in a training step: exactly, or in less time. What items are ranked by is always exact."""

    @model_validator(mode="after")
    def _linear(self) -> Self:
        """What is right on average before a hop is so behind it only where the hop is linear."""
        if self.unit_norm and isinstance(self.propagation, Sampled):
            raise ValueError("unit_norm is not linear, as a sampled propagation needs it: use propagation.kind=cached")
        return self

    @override
    def needs_one_process(self) -> str | None:
        kind = self.needs_rows_alone()
        return kind and f"encoder.{kind}"

    @override
    def needs_rows_alone(self) -> str | None:
        return None if isinstance(self.propagation, Full) else f"propagation.kind={self.propagation.kind}"

    @override
    def memory(self, sizes: Sizes) -> tuple[Need, ...]:
        """Beside its table and a pass, with which it is validated in any case, two tables of a history."""
        exact, *hop = super().memory(sizes)
        histories = getattr(self.propagation, "refresh", None) is not None
        return (replace(exact, working=exact.working + 2 * histories * sizes.table(self.dimension)), *hop)

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.lightgcn import LightGCNEncoder

        user_table, item_table = self.initialization.sample_tables(graph, self.dimension, generator)
        strength = torch.cat([graph.user_strength, graph.item_strength]).float()[:, None]  # [N, 1]
        degree = strength.masked_fill(strength == 0, 1)
        before, after = (
            None if exponent == 0.5 else degree ** (0.5 - exponent)
            for exponent in (self.sender_exponent, self.receiver_exponent)
        )
        return LightGCNEncoder(user_table, item_table, self, before, after, generator)
