"""Two-tower: ids and features of each side through a small network."""

from functools import partial
from itertools import pairwise
from typing import Annotated, Literal

import polars as pl
import torch
from pydantic import Field
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag
from typing_extensions import override

from reccl.data.features import Features, FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings
from reccl.encoders.folded import folded
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.encoders.tower import Tower as Exported
from reccl.encoders.tower import Towers
from reccl.views import Disturb, View


class TwoTower(EncoderSettings):
    """One tower a side: [id embedding ; feature embeddings ; numbers] -> MLP -> D components.

    Deep Neural Networks for YouTube Recommendations, Covington et al., RecSys 2016, in the two-tower form of Yi et al.,
    RecSys 2019; https://doi.org/10.1145/3298689.3346996.

    Where we differ: a residual path adds the id embedding to the tower's output, so that without features and hidden
    layers this is matrix factorization. Computes only the rows that are asked for.

    A node without training rows, and one that comes later, has id part 0 and is placed by its features alone. With
    `id_dropout` trained nodes are seen without their id at times, so that the network learns to do so: DropoutNet,
    Volkovs et al., NeurIPS 2017; https://papers.nips.cc/paper/7081. Where we differ from it: the id part is trained
    along, instead of the factors of a finished model; and the ranking loss itself is minimized, instead of the distance
    to that model's scores.
    """

    kind: Literal["two_tower"] = "two_tower"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (128,)
    """Widths of the hidden layers."""
    feature_dimension: Annotated[int, Field(ge=1)] = 16
    """Components of each feature's embedding."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Chance that a component of the tower's input is dropped in training."""
    id_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Chance that a node's id part is left out in training (DropoutNet: 0.5)."""
    user_features: tuple[str, ...] | None = None
    """Columns of the user table; empty takes all but mostly unique text, [] none."""
    item_features: tuple[str, ...] | None = None
    """Columns of the item table; likewise."""
    initialization: AnyInitialization = Normal()
    """How the id and feature embeddings start."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        users, items = self.initialization.tables(graph, self.dimension, generator)
        return TwoTowerEncoder(
            Tower(self, users, features.users(self.user_features), features.trained_users, generator),
            Tower(self, items, features.items(self.item_features), features.trained_items, generator),
        )


class TwoTowerEncoder(Encoder):
    """A tower for users and one for items. Of a view they see how it disturbs inputs."""

    def __init__(self, users: "Tower", items: "Tower") -> None:
        super().__init__()
        self.users, self.items = users, items

    @override
    def forward(self, view: View) -> Embeddings:
        users = partial(self.users, disturb=view.inputs_from(0))
        items = partial(self.items, disturb=view.inputs_from(len(self.users.ids)))
        towers = Towers() if self.training else Towers(self.users.export(), self.items.export())
        return Embeddings(users, items, self.users.ids_of, self.items.ids_of, towers=towers)


class Tower(nn.Module):
    """n nodes of one side: rows [B] -> [B, D], or of any shape [..] -> [.., D]."""

    numbers: Tensor | None
    trained: Tensor

    def __init__(
        self, settings: TwoTower, ids: Tensor, features: Features, trained: pl.Series, generator: torch.Generator
    ) -> None:
        super().__init__()
        self.id_dropout, self.fitted = settings.id_dropout, features.fitted
        self.register_buffer("trained", torch.from_numpy(trained.to_numpy(writable=True)), persistent=False)  # [n]
        table = settings.initialization.table
        self.ids = nn.Parameter(ids)  # [n, D]
        vocabularies = {**features.categories, **features.lists}
        sizes = (size for _, size in vocabularies.values())
        self.names = tuple(vocabularies)
        self.words = nn.ParameterList(table(size, settings.feature_dimension, generator) for size in sizes)
        for place, (codes, _) in enumerate(vocabularies.values()):  # by place: a name may be anything
            self.register_buffer(f"codes_{place}", codes, persistent=False)  # [n] or [n, longest]
        self.register_buffer("numbers", features.numbers, persistent=False)  # [n, F]
        inputs = settings.dimension + settings.feature_dimension * len(vocabularies)
        inputs += 0 if features.numbers is None else features.numbers.shape[1]
        self.drop = nn.Dropout(settings.dropout)
        self.network = perceptron([inputs, *settings.hidden, settings.dimension], generator)

    def ids_of(self, rows: Tensor | None) -> Tensor:
        """Id embeddings: [B] -> [B, D]."""
        return self.ids if rows is None else embedding(rows, self.ids)

    def identities(self, rows: Tensor | None) -> Tensor:
        """Id parts: [B] -> [B, D]; 0 for nodes without training rows, and in training for some of the others."""
        known = self.trained if rows is None else self.trained[rows]  # [B]
        if self.training and self.id_dropout:
            known = known & (torch.rand(len(known), device=known.device) >= self.id_dropout)
        return self.ids_of(rows) * known[:, None]

    def forward(self, rows: Tensor | None, disturb: Disturb | None = None) -> Tensor:
        """Embeddings: [B] -> [B, D], [B, M] -> [B, M, D]; None -> [n, D]. `disturb`: see `View.inputs_from`."""
        if rows is not None and rows.dim() != 1:
            flat: Tensor = self(rows.flatten(), disturb)  # [B * M, D]
            return flat.view(*rows.shape, -1)
        parts = [self.identities(rows)]  # [B, D]
        for place, words in enumerate(self.words):
            codes: Tensor = getattr(self, f"codes_{place}")
            codes = codes if rows is None else codes[rows]  # [B] or [B, longest]
            one = codes.dim() == 1
            parts.append(embedding(codes, words) if one else embedding_bag(codes, words, mode="mean", padding_idx=0))
        if self.numbers is not None:
            parts.append(self.numbers if rows is None else self.numbers[rows])  # [B, F]
        if disturb is not None:
            parts = disturb(torch.arange(len(self.ids), device=self.ids.device) if rows is None else rows, parts)
        deep: Tensor = self.network(self.drop(torch.cat(parts, 1)))  # [B, D]
        return parts[0] + deep

    def export(self) -> Exported | None:
        """What places new nodes, from features alone; None without features."""
        if self.fitted is None or not self.fitted.columns:
            return None
        return folded(self.fitted, dict(zip(self.names, self.words, strict=True)), self.network, self.ids.shape[1])


def perceptron(widths: list[int], generator: torch.Generator) -> nn.Sequential:
    """Linear layers with ReLU between; Glorot weights from the generator, biases zero."""
    layers: list[nn.Module] = []
    for inputs, outputs in pairwise(widths):
        linear = nn.Linear(inputs, outputs)
        nn.init.xavier_uniform_(linear.weight, generator=generator)
        nn.init.zeros_(linear.bias)
        layers += [linear, nn.ReLU()]
    return nn.Sequential(*layers[:-1])
