"""Matrix factorization: one free vector for every user and item."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import nn
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import Embeddings, Encoder, EncoderSettings, lookup_in
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.encoders.propagation import rows_of_table
from reccl.views import View


class MatrixFactorization(EncoderSettings):
    """Embeddings are the parameters themselves (Koren, Bell and Volinsky 2009); only a view that perturbs inputs
    changes them.

    >>> import polars as pl
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = MatrixFactorization(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["matrix_factorization"] = "matrix_factorization"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    initialization: AnyInitialization = Normal()
    """How the tables start."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        return MatrixFactorizationEncoder(*self.initialization.sample_tables(graph, self.dimension, generator))


class MatrixFactorizationEncoder(Encoder):
    """Two tables, [U, D] and [I, D]."""

    def __init__(self, users: torch.Tensor, items: torch.Tensor) -> None:
        super().__init__()
        self.users = nn.Parameter(users)  # [U, D]
        self.items = nn.Parameter(items)  # [I, D]

    @override
    def forward(self, view: View) -> Embeddings:
        users, items = rows_of_table(self.users), rows_of_table(self.items)
        if view.input_perturbation is None:
            return Embeddings(users, items, users, items)
        nodes = view.perturb_table(torch.cat([self.users, self.items]))  # [N, D]
        user_rows, item_rows = nodes.split([len(self.users), len(self.items)])  # [U, D], [I, D]
        return Embeddings(lookup_in(user_rows), lookup_in(item_rows), users, items)
