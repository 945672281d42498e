"""AlphaRec: items as a language model describes them, users as the mean of their items, smoothed over the graph."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.features import FeatureTables, FittedFeatures
from reccl.data.graph import Graph
from reccl.encoders.encoder import EncoderSettings
from reccl.errors import DataError, join_names
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.encoders.modules.encoder import Encoder


class AlphaRec(EncoderSettings):
    """AlphaRec: Language Representations Can be What Recommenders Need, Sheng et al., ICLR 2025;
    https://arxiv.org/abs/2407.05441. No embedding of an id: only a small network f is trained.

    z_i = f(x_i),   z_u = f(mean of x_i over the user's items i),   E = mean of Z, A Z, .. A^L Z

    x_i [F] are the item's features, in the paper the vector that a language model gives its title (a feature of kind
    `vector`, or `text` with `model`); f is linear layers with LeakyReLU between, A = D^-1/2 R D^-1/2, Z [N, D] of all
    nodes. A new item is z_i / (L + 1), by its features alone: it is embedded in the same space with no row of its own.

    The authors train with InfoNCE of cosines, temperature .15 to .2 and 256 uniform negatives. Where we differ: any
    features will do, and all that the data has are taken unless `item_features` names some; the width of the hidden
    layer is given, not computed from that of the vectors. Where interactions have weights, the mean is weighted.

    Raises DataError at `build` where the items have no such feature.

    >>> import polars as pl
    >>> from reccl.views import View
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": list("aabb"), "item": list("wxyz"), "part": ["train"] * 4})
    >>> items = pl.DataFrame({"item": list("wxyz"), "vector": [[1.0, 0.0], [0.0, 1.0], [1.0, 1.0], [0.0, 2.0]]})
    >>> data = Dataset.from_frame(rows, items=items)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = AlphaRec(dimension=4, hidden=(8,)).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder.eval()(View((graph.adjacency,)))
    >>> embeddings.users(None).shape, embeddings.towers.items.embed(pl.DataFrame({"vector": [[0.5, 0.5]]})).shape
    (torch.Size([2, 4]), torch.Size([1, 4]))
    """

    kind: Literal["alpharec"] = "alpharec"
    dimension: Annotated[int, Field(ge=1)] = 64
    """Components of an embedding (D)."""
    layers: Annotated[int, Field(ge=0)] = 2
    """Hops over the graph (L)."""
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (256,)
    """Widths of the network's hidden layers; none is the paper's linear map."""
    item_features: tuple[str, ...] | None = None
    """Columns of the item table; empty takes all that are features."""

    @override
    def check(self, features: FeatureTables) -> None:
        if not choose_features(features.fit("items"), self.item_features).columns:
            raise DataError(
                "alpharec embeds items by their features, and the data has none: give the item table a column of "
                "vectors or of text, data.features.items.title.kind=text for example"
            )

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.alpharec import AlphaRecEncoder

        fitted = choose_features(features.fit("items"), self.item_features)
        items = features.transform("items", fitted)  # [I, F]
        return AlphaRecEncoder(average_items(graph, items), items, fitted, self, generator)


def choose_features(fitted: FittedFeatures, names: tuple[str, ...] | None) -> FittedFeatures:
    """The features of some columns; None: all. Raises DataError for a column that is none."""
    if names is None:
        return fitted
    held = {feature.name: feature for feature in fitted.features}
    if missing := [name for name in names if name not in held]:
        named = join_names(missing)
        raise DataError(f"item_features: {named} is no feature of the items; they have {join_names(held)}")
    return FittedFeatures(tuple(held[name] for name in names))


def average_items(graph: Graph, items: Tensor) -> Tensor:
    """The mean of each user's items, by weights where there are some: [I, F] -> [U, F]; 0 for a user without."""
    edges = graph.interactions  # [U, I]
    sums = torch.from_numpy(edges @ items.double().numpy()).float()  # [U, F]
    strength = graph.user_strength.cpu().float()[:, None]  # [U, 1]
    return sums / strength.masked_fill(strength == 0, 1)
