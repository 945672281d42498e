"""NGCF: graph convolution with weight matrices, in which similar neighbors weigh more."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.initialization import AnyInitialization, Xavier
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


class NGCF(EncoderSettings):
    """Neural Graph Collaborative Filtering, Wang et al., SIGIR 2019, eq. 7-9; https://arxiv.org/abs/1905.08108:

    E^(l+1) = LeakyReLU( (A + I) E^(l) W1 + (A E^(l) * E^(l)) W2 ),   E = [E^(0) ; E^(1) ; .. ; E^(L)]

    A [N, N] is the view's normalized adjacency, * the element-wise product; E^(0) and each layer's W1, W2 are learned.
    E [N, D] is split among the L + 1 parts, the first ones one component wider where D does not divide evenly: the
    paper's 64 components a layer with three layers are `dimension` 256.

    Where we differ: like the authors' code, each layer's part is scaled to length one before it is concatenated,
    and dropout applies to messages after the activation, whose slope below zero is .2; unlike it, one activation over
    both summands, no biases, and D^-1/2 A D^-1/2 as printed, where their default is D^-1 (A + I) in both summands. The
    parts are narrower than E, so a cross-layer term has no layers to use.

    >>> import polars as pl
    >>> from reccl.views import View
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": ["a", "a", "b"], "item": ["x", "y", "y"], "part": ["train"] * 3})
    >>> data = Dataset.from_frame(rows)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = NGCF(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder(View((graph.adjacency,)))
    >>> embeddings.users(torch.tensor([1])).shape, embeddings.items(None).shape
    (torch.Size([1, 4]), torch.Size([2, 4]))
    """

    kind: Literal["ngcf"] = "ngcf"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D), of all parts together; at least one per part."""
    layers: Annotated[int, Field(ge=0)] = 3
    """Layers: hops over the graph (L)."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.1
    """Probability that a component of a message is dropped in training."""
    initialization: AnyInitialization = Xavier()
    """How E^(0) starts."""

    @model_validator(mode="after")
    def _wide_enough(self) -> Self:
        """Require at least one component per part."""
        if self.dimension <= self.layers:
            raise ValueError(
                f"dimension {self.dimension} is too small for {self.layers + 1} parts: raise it, or use fewer layers"
            )
        return self

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.ngcf import NGCFEncoder

        widths = split_evenly(self.dimension, self.layers + 1)
        user_table, item_table = self.initialization.sample_tables(graph, widths[0], generator)
        return NGCFEncoder(user_table, item_table, widths, self.dropout, generator)


def split_evenly(total: int, parts: int) -> list[int]:
    """Split `total` into `parts` whole numbers, as even as possible, the larger first."""
    return [total // parts + (part < total % parts) for part in range(parts)]
