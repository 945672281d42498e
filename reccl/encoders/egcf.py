"""EGCF: only items have embeddings of their own; a user's is computed from their items'."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.initialization import AnyInitialization, Xavier
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


class EGCF(EncoderSettings):
    """EGCF: Simplify to the Limit! Embedding-less Graph Collaborative Filtering, Zhang et al., TOIS 2024;
    https://github.com/BlueGhostYi/EGCF.

    U^(0) = tanh(R E_I),   E^(0) = [U^(0) ; E_I],   E^(l+1) = tanh(A E^(l)),   E = E^(1) + .. + E^(L)

    E_I [I, D] is the only parameter, A [N, N] the view's normalized adjacency, R [U, I] its block of users' rows and
    items' columns. E^(0) is not in the sum.

    Where we differ: the authors' L2 counts the items' rows alone, ours the users' U^(0) too. Of the authors' ways to
    aggregate this is the parallel one. Their contrasts count a user as often as the batch has them, each time as a
    negative of the others; ours of nodes count everybody once. They add 1e-5 within the logarithm of InfoNCE and 1e-7
    in that of BPR, which bounds both; ours are exact. The losses are a composition: see `configs/methods/egcf.yaml`.

    >>> import polars as pl
    >>> from reccl.views import View
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = EGCF(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["egcf"] = "egcf"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    layers: Annotated[int, Field(ge=1)] = 3
    """Layers after the hop that makes the users (L)."""
    initialization: AnyInitialization = Xavier()
    """How E_I starts."""

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.egcf import EGCFEncoder

        _, items = self.initialization.sample_tables(graph, self.dimension, generator)
        return EGCFEncoder(graph.num_users, items, self.layers)
