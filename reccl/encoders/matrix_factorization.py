"""Matrix factorization: one free vector for every user and item."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, at_start, rows_of
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.encoders.propagation import walked
from reccl.views import View


class MatrixFactorization(EncoderSettings):
    """Embeddings are the parameters themselves (Koren, Bell and Volinsky 2009); only a view that disturbs inputs
    changes them.
    """

    kind: Literal["matrix_factorization"] = "matrix_factorization"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    initialization: AnyInitialization = Normal()
    """How the tables start."""

    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        """See `EncoderSettings.build`; features are not used."""
        return MatrixFactorizationEncoder(*self.initialization.tables(graph, self.dimension, generator))


class MatrixFactorizationEncoder(Encoder):
    """Two tables, [U, D] and [I, D]."""

    def __init__(self, users: torch.Tensor, items: torch.Tensor) -> None:
        super().__init__()
        self.users = nn.Parameter(users)  # [U, D]
        self.items = nn.Parameter(items)  # [I, D]

    @override
    def forward(self, view: View) -> Embeddings:
        users, items = walked(self.users), walked(self.items)
        if view.disturb is None:
            return Embeddings(users, items, users, items)
        shown = at_start(view, torch.cat([self.users, self.items]))  # [N, D]
        shown_users, shown_items = shown.split([len(self.users), len(self.items)])  # [U, D], [I, D]
        return Embeddings(rows_of(shown_users), rows_of(shown_items), users, items)
