"""Content-aligned: a graph encoder, and towers over features that learn to replace it for untrained nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, field_validator
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.encoders.lightgcn import LightGCN
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder

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
    >>> from reccl.views import View
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
    base: AnyEncoder = LightGCN()
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
        if alone := base.needs_rows_alone():
            raise ValueError(f"content_aligned needs all of its base, not {alone}: set base.propagation.kind=full")
        return base

    @override
    def check(self, features: FeatureTables) -> None:
        self.base.check(features)

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.content_aligned import ContentAlignedEncoder, ContentTower

        base = self.base.model_copy(update={"dimension": self.dimension}).build(graph, features, generator)
        users, items = (ContentTower.build(self, side, features, generator) for side in ("users", "items"))
        return ContentAlignedEncoder(base, users, items)
