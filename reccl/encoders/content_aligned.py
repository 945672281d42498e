"""Content-aligned: a graph encoder, and towers over features that learn to replace it for untrained nodes."""

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
import torch
from pydantic import Field, field_validator
from torch import Tensor, nn
from typing_extensions import override

from reccl.data.features import FeatureTables, FittedFeatures, Side
from reccl.data.graph import Graph
from reccl.encoders.dropout import DeviceGenerator, Dropout
from reccl.encoders.encoder import ContentRows, Embeddings, Encoder, EncoderSettings, Rows
from reccl.encoders.lightgcn import LightGCN
from reccl.encoders.mlp import build_mlp
from reccl.encoders.tower import Tower, Towers
from reccl.views import View

if TYPE_CHECKING:
    from reccl.encoders import AnyEncoder  # the index completes the class: it may nest any encoder


class ContentAligned(EncoderSettings):
    """e_n = g_n for trained nodes, t(x_n) for all others: g any encoder over ids and graph, t a network over features.

    Two things teach t to replace g. An `alignment` term contrasts t(x_n) with g_n of the same node, as CLCRec does
    (Contrastive Learning for Cold-Start Recommendation, Wei et al., MM 2021; https://arxiv.org/abs/2107.05315). And
    with `replaced`, a share of the trained nodes is embedded by features at every step, so that the ranking terms train
    t too (CLCRec's hybrid training, where the share is .5; DropoutNet, Volkovs et al., NeurIPS 2017, has the idea).

    Where we differ from CLCRec: g is a graph encoder instead of id embeddings, and users have a tower as well where
    there are features of them. As in the authors' code trained nodes keep g alone when lists are made: warm results are
    those of g. A side without features has g for all nodes. In training untrained nodes have g too: no tower learns
    that they are negatives of every user, nor sees their features.

    >>> import polars as pl
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": list("aabb"), "item": list("wxyz"), "part": ["train"] * 4})
    >>> items = pl.DataFrame({"item": list("wxyz"), "brand": ["acme", "acme", "zeta", "zeta"]})
    >>> data = Dataset.from_frame(rows, items=items)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> settings = ContentAligned(base=LightGCN(layers=2), dimension=4)
    >>> encoder = settings.build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.content_only.items(None).shape, embeddings.content_only.users
    (torch.Size([4, 4]), None)
    """

    kind: Literal["content_aligned"] = "content_aligned"
    base: "AnyEncoder" = LightGCN()
    """The encoder of trained nodes."""
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D), of the base's too."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)
    """Widths of the towers' hidden layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.2
    """Probability that a feature is dropped in training."""
    replaced: Annotated[float, Field(ge=0, le=1)] = 0.2
    """Probability that a trained node is embedded by its features in a step."""

    @field_validator("base")
    @classmethod
    def _not_nested(cls, base: EncoderSettings) -> EncoderSettings:
        if isinstance(base, ContentAligned):
            raise ValueError("content_aligned cannot be its own base: give the graph encoder, lightgcn for example")
        return base

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        base = self.base.model_copy(update={"dimension": self.dimension}).build(graph, features, generator)
        users, items = (ContentTower.build(self, side, features, generator) for side in ("users", "items"))
        return ContentAlignedEncoder(base, users, items)


class ContentAlignedEncoder(Encoder):
    """A base encoder and a tower for each side that has features."""

    def __init__(self, base: Encoder, users: "ContentTower | None", items: "ContentTower | None") -> None:
        super().__init__()
        self.base, self.users, self.items = base, users, items

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
