"""Input tower: a network over the ids and features of the nodes of one side."""

import polars as pl
import torch
from torch import Tensor, nn
from torch.nn.functional import embedding, embedding_bag
from typing_extensions import override

from reccl.data.features import EncodedFeatures
from reccl.encoders.dropout import DeviceGenerator, Dropout
from reccl.encoders.export_tower import export_tower
from reccl.encoders.initialization import InitializationSettings
from reccl.encoders.mlp import build_mlp
from reccl.encoders.tower import Tower
from reccl.views import InputPerturbation


class InputTower(nn.Module):
    """[id embedding ; feature embeddings ; numbers] -> MLP -> D components, plus the id embedding.

    Args:
        ids: [n, D] initial id embeddings.
        features: of the n nodes.
        trained: [n] whether a node has training rows; the id part of the others is zero.
        initialization: of the feature embeddings.
        generator: of initial numbers and of dropout.
        feature_dimension: components of each feature's embedding.
        hidden: widths of the hidden layers.
        dropout: probability that a component of the input is dropped in training.
        id_dropout: probability that a node's id part is left out in training.

    """

    numbers: Tensor | None
    trained: Tensor

    def __init__(
        self,
        ids: Tensor,
        features: EncodedFeatures,
        trained: pl.Series,
        initialization: InitializationSettings,
        generator: torch.Generator,
        *,
        feature_dimension: int,
        hidden: tuple[int, ...] = (),
        dropout: float = 0.0,
        id_dropout: float = 0.0,
    ) -> None:
        super().__init__()
        self.fitted, self.id_dropout = features.fitted, id_dropout
        self.register_buffer("trained", torch.from_numpy(trained.to_numpy(writable=True)), persistent=False)  # [n]
        self.ids = nn.Parameter(ids)  # [n, D]
        vocabularies = {**features.categories, **features.lists}
        sizes = (size for _, size in vocabularies.values())
        self.names = tuple(vocabularies)
        self.words = nn.ParameterList(initialization.sample_table(size, feature_dimension, generator) for size in sizes)
        for place, (codes, _) in enumerate(vocabularies.values()):  # by place: a name may be anything
            self.register_buffer(f"codes_{place}", codes, persistent=False)  # [n] or [n, longest]
        self.register_buffer("numbers", features.numbers, persistent=False)  # [n, F]
        inputs = ids.shape[1] + feature_dimension * len(vocabularies)
        inputs += 0 if features.numbers is None else features.numbers.shape[1]
        self.network = build_mlp([inputs, *hidden, ids.shape[1]], generator)
        self.drop = Dropout(dropout, generator)
        self.random = DeviceGenerator(generator) if id_dropout else None

    def keep_rows(self, rows: slice) -> None:
        """Keep some of the n nodes alone, ids and features."""
        self.ids = nn.Parameter(self.ids.detach()[rows].clone())
        for name in ("trained", "numbers", *(f"codes_{place}" for place in range(len(self.words)))):
            held = getattr(self, name)
            setattr(self, name, None if held is None else held[rows].clone())

    def initial(self, rows: Tensor | None) -> Tensor:
        """Id embeddings: [B] -> [B, D]; None -> [n, D]."""
        return self.ids if rows is None else embedding(rows, self.ids)

    def id_part(self, rows: Tensor | None) -> Tensor:
        """Id parts: [B] -> [B, D]; 0 for nodes without training rows, and in training for some of the others."""
        known = self.trained if rows is None else self.trained[rows]  # [B]
        if self.training and self.random is not None:
            known = known & ~self.random.bernoulli(self.id_dropout, known)
        return self.initial(rows) * known[:, None]

    @override
    def forward(self, rows: Tensor | None, perturb: InputPerturbation | None = None) -> Tensor:
        """Embeddings: [B] -> [B, D], [B, M] -> [B, M, D]; None -> [n, D]. `perturb` takes row numbers of this side."""
        if rows is not None and rows.dim() != 1:
            flat: Tensor = self(rows.flatten(), perturb)  # [B * M, D]
            return flat.view(*rows.shape, -1)
        inputs = [self.id_part(rows)]  # [B, D]
        for place, words in enumerate(self.words):
            codes: Tensor = getattr(self, f"codes_{place}")
            codes = codes if rows is None else codes[rows]  # [B] or [B, longest]
            one = codes.dim() == 1
            inputs.append(embedding(codes, words) if one else embedding_bag(codes, words, mode="mean", padding_idx=0))
        if self.numbers is not None:
            inputs.append(self.numbers if rows is None else self.numbers[rows])  # [B, F]
        if perturb is not None:
            inputs = perturb(torch.arange(len(self.ids), device=self.ids.device) if rows is None else rows, inputs)
        deep: Tensor = self.network(self.drop(torch.cat(inputs, 1)))  # [B, D]
        return inputs[0] + deep

    @property
    def reads_features(self) -> bool:
        """Whether there are features that embed nodes without training rows."""
        return self.fitted is not None and bool(self.fitted.columns)

    def export(self) -> Tower | None:
        """The tower that embeds new nodes by their features alone; None without features."""
        if self.fitted is None or not self.reads_features:
            return None
        words = dict(zip(self.names, self.words, strict=True))
        return export_tower(self.fitted, words, self.network, self.ids.shape[1])
