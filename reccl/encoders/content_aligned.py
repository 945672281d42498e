"""Content-aligned: a graph encoder, and towers from features that learn to stand in for it."""

from typing import Annotated, Literal

import polars as pl
import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.features import FeatureTables, FittedFeatures, Side
from reccl.data.graph import Graph
from reccl.encoders.convolution import Convolution
from reccl.encoders.egcf import EGCF
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, Rows
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.matrix_factorization import MatrixFactorization
from reccl.encoders.ngcf import NGCF
from reccl.encoders.tower import Tower, Towers
from reccl.encoders.two_tower import TwoTower, perceptron
from reccl.settings import outside
from reccl.views import View

Base = Annotated[
    SerializeAsAny[
        Annotated[Convolution | EGCF | LightGCN | MatrixFactorization | NGCF | TwoTower, Field(discriminator="kind")]
    ],
    outside(EncoderSettings),
]


class ContentAligned(EncoderSettings):
    """e_n = g_n for trained nodes, t(x_n) for all others: g any encoder over ids and graph, t a network over features.

    Two things teach t to stand in. An `alignment` term contrasts t(x_n) with g_n of the same node, as CLCRec does
    (Contrastive Learning for Cold-Start Recommendation, Wei et al., MM 2021; https://arxiv.org/abs/2107.05315). And
    with `replaced`, a share of the trained nodes is placed by features at every step, so that the ranking terms train
    t too (CLCRec's hybrid training, where the share is .5; DropoutNet, Volkovs et al., NeurIPS 2017, has the idea).

    Where we differ from CLCRec: g is a graph encoder instead of id embeddings, and users have a tower as well where
    there are features of them. As in the authors' code trained nodes keep g alone when lists are made: warm results are
    those of g. A side without features has g for all nodes. In training untrained nodes have g too: no tower learns
    that they are negatives of everybody, nor sees their features.
    """

    kind: Literal["content_aligned"] = "content_aligned"
    base: Base = LightGCN()
    """The encoder of trained nodes."""
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D), of the base's too."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)
    """Widths of the towers' hidden layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Chance that a feature is dropped in training."""
    replaced: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Chance that a trained node is placed by its features in a step."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        base = self.base.model_copy(update={"dimension": self.dimension}).build(graph, features, generator)
        users, items = (ContentTower.of(self, side, features, generator) for side in ("users", "items"))
        return ContentAlignedEncoder(base, users, items, self.replaced)


class ContentAlignedEncoder(Encoder):
    """A base encoder and a tower a side."""

    def __init__(self, base: Encoder, users: "ContentTower", items: "ContentTower", replaced: float) -> None:
        super().__init__()
        self.base, self.users, self.items, self.replaced = base, users, items, replaced

    @override
    def forward(self, view: View) -> Embeddings:
        graph: Embeddings = self.base(view)
        content = Embeddings(
            self.users.rows(graph.users), self.items.rows(graph.items), graph.initial_users, graph.initial_items
        )
        return Embeddings(
            self.users.standing_in(graph.users, self.replaced),
            self.items.standing_in(graph.items, self.replaced),
            graph.initial_users,
            graph.initial_items,
            graph.layers,
            (graph, content),
            Towers(self.users.export(), self.items.export()),
        )


class ContentTower(nn.Module):
    """The network over one side's features; without features it gives what the base gives."""

    matrix: Tensor
    trained: Tensor

    def __init__(self, fitted: FittedFeatures, matrix: Tensor, trained: pl.Series, network: nn.Module, dropout: float):
        super().__init__()
        self.fitted, self.network, self.drop = fitted, network, nn.Dropout(dropout)
        self.register_buffer("matrix", matrix, persistent=False)  # [n, F]
        self.register_buffer("trained", torch.from_numpy(trained.to_numpy(writable=True)), persistent=False)  # [n]

    @classmethod
    def of(
        cls, settings: ContentAligned, side: Side, features: FeatureTables, generator: torch.Generator
    ) -> "ContentTower":
        """A fresh one."""
        fitted = features.fitted(side)
        matrix = features.matrix(side, fitted)
        widths = [matrix.shape[1], *settings.hidden, settings.dimension]
        network = perceptron(widths, generator) if matrix.shape[1] else nn.Sequential()
        return cls(fitted, matrix, features.side(side)[1], network, settings.dropout)

    def rows(self, base: Rows) -> Rows:
        """Places by features alone: [B] -> [B, D], or of any shape [..] -> [.., D]; None -> [n, D]."""
        if not self.matrix.shape[1]:
            return base
        return lambda rows: self.network(self.drop(self.matrix if rows is None else self.matrix[rows]))

    def standing_in(self, base: Rows, replaced: float) -> Rows:
        """The base's rows, but untrained nodes by features; in training a share of the trained ones instead."""
        if not self.matrix.shape[1]:
            return base
        own, told = self.rows(base), ~self.trained  # [n]
        if self.training:
            told = self.trained & (torch.rand(told.shape, device=told.device) < replaced)

        def mixed(rows: Tensor | None) -> Tensor:
            by_features = (told if rows is None else told[rows])[..., None]  # [B, 1]
            return torch.where(by_features, own(rows), base(rows))

        return mixed

    def export(self) -> Tower | None:
        """The same as a value."""
        linear = [layer for layer in self.network.children() if isinstance(layer, nn.Linear)]
        layers = tuple((layer.weight.detach(), layer.bias.detach()) for layer in linear)
        return Tower(self.fitted, layers) if layers else None
