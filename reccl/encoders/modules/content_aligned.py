"""Content-aligned encoder: a base encoder, and a tower for each side that has features."""

from collections.abc import Mapping

import polars as pl
import torch
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.columns import ITEM, USER
from reccl.data.features import FeatureTables, FittedFeatures, Side
from reccl.encoders.content_aligned import ContentAligned
from reccl.encoders.dropout import DeviceGenerator, Dropout
from reccl.encoders.encoder import ContentRows, Embeddings, Rows
from reccl.encoders.mlp import build_mlp
from reccl.encoders.modules.encoder import Encoder
from reccl.encoders.tower import Tower, Towers
from reccl.views import View


class ContentAlignedEncoder(Encoder):
    """A base encoder and a tower for each side that has features."""

    def __init__(self, base: Encoder, users: "ContentTower | None", items: "ContentTower | None") -> None:
        super().__init__()
        self.base, self.users, self.items = base, users, items

    @override
    def node_tables(self) -> Mapping[str, tuple[str, ...]]:
        return {f"base.{name}": sides for name, sides in self.base.node_tables().items()}

    @override
    def fitted_features(self) -> Mapping[str, FittedFeatures]:
        towers = ((USER, self.users), (ITEM, self.items))
        return {side: tower.fitted for side, tower in towers if tower is not None}

    @override
    def forward(self, view: View) -> Embeddings:
        graph: Embeddings = self.base(view)
        users, items = self.users, self.items
        return Embeddings(
            users.replace(graph.users) if users else graph.users,
            items.replace(graph.items) if items else graph.items,
            graph.initial_users,
            graph.initial_items,
            graph.layers,
            graph,
            ContentRows(users.rows if users else None, items.rows if items else None),
            Towers(users.export() if users else None, items.export() if items else None),
            users is not None,
            items is not None,
        )


class ContentTower(nn.Module):
    """The network over one side's features."""

    matrix: Tensor
    trained: Tensor

    def __init__(
        self,
        fitted: FittedFeatures,
        matrix: Tensor,
        trained: pl.Series,
        settings: ContentAligned,
        generator: torch.Generator,
    ) -> None:
        super().__init__()
        self.fitted, self.replaced = fitted, settings.replaced
        self.register_buffer("matrix", matrix, persistent=False)  # [n, F]
        self.register_buffer("trained", torch.from_numpy(trained.to_numpy(writable=True)), persistent=False)  # [n]
        self.network = build_mlp([matrix.shape[1], *settings.hidden, settings.dimension], generator)
        self.drop = Dropout(settings.dropout, generator)
        self.random = DeviceGenerator(generator) if settings.replaced else None

    @classmethod
    def build(
        cls, settings: ContentAligned, side: Side, features: FeatureTables, generator: torch.Generator
    ) -> "ContentTower | None":
        """The tower of a side; None where the side has no features."""
        fitted = features.fit(side)
        matrix = features.transform(side, fitted)  # [n, F]
        return cls(fitted, matrix, features.select_side(side)[1], settings, generator) if matrix.shape[1] else None

    def rows(self, rows: Tensor | None) -> Tensor:
        """Embeddings by features alone: [B] -> [B, D], or of any shape [..] -> [.., D]; None -> [n, D]."""
        x: Tensor = self.network(self.drop(self.matrix if rows is None else self.matrix[rows]))
        return x

    def replace(self, base: Rows) -> Rows:
        """The base's rows, but untrained nodes by features; in training a share of the trained ones instead."""
        by_features = ~self.trained  # [n]
        if self.training:
            by_features = torch.zeros_like(self.trained)
        if self.training and self.random is not None:
            by_features = self.trained & self.random.bernoulli(self.replaced, self.trained)

        def rows_at(rows: Tensor | None) -> Tensor:
            mask = (by_features if rows is None else by_features[rows])[..., None]  # [B, 1]
            return torch.where(mask, self.rows(rows), base(rows))

        return rows_at

    def export(self) -> Tower:
        """The tower as a value."""
        linear = [layer for layer in self.network.children() if isinstance(layer, nn.Linear)]
        return Tower(self.fitted, tuple((layer.weight.detach(), layer.bias.detach()) for layer in linear))
