"""Matrix factorization: one free vector for every user and item."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.initialization import AnyInitialization, Normal
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


class MatrixFactorization(EncoderSettings):
    """Embeddings are the parameters themselves (Koren, Bell and Volinsky 2009); only a view that perturbs inputs
    changes them.

    >>> import polars as pl
    >>> from reccl.views import View
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
    def needs_one_process(self) -> str | None:
        return None

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.matrix_factorization import MatrixFactorizationEncoder

        return MatrixFactorizationEncoder(*self.initialization.sample_tables(graph, self.dimension, generator))
