"""Two-tower: ids and features of each side through a small network."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders.tower_settings import TowerSettings
from reccl.lazy import torch

if TYPE_CHECKING:
    from reccl.encoders.modules.encoder import Encoder


class TwoTower(TowerSettings):
    """One tower per side: [id embedding ; feature embeddings ; numbers] -> MLP -> D components.

    Deep Neural Networks for YouTube Recommendations, Covington et al., RecSys 2016, in the two-tower form of Yi et al.,
    RecSys 2019; https://doi.org/10.1145/3298689.3346996.

    Where we differ: a residual path adds the id embedding to the tower's output, so that without features and hidden
    layers this is matrix factorization. Only the rows that are asked for are computed.

    A node without training rows, and one that comes later, has id part 0 and is embedded by its features alone. With
    `id_dropout` trained nodes sometimes lose their id part in training, so that the network learns to do without it:
    DropoutNet, Volkovs et al., NeurIPS 2017; https://papers.nips.cc/paper/7081. Where we differ from it: the id part is
    trained along, instead of the factors of a finished model; and the ranking loss itself is minimized, instead of the
    distance to that model's scores.

    >>> import polars as pl
    >>> from reccl.views import View
    >>> from reccl.data.dataset import Dataset
    >>> rows = pl.DataFrame({"user": list("aabb"), "item": list("wxyz"), "part": ["train"] * 4})
    >>> items = pl.DataFrame({"item": list("wxyz"), "brand": ["acme", "acme", "zeta", "zeta"]})
    >>> data = Dataset.from_frame(rows, items=items)
    >>> graph, features = data.build_graph(), data.build_feature_tables()
    >>> encoder = TwoTower(dimension=4).build(graph, features, torch.Generator().manual_seed(0))
    >>> embeddings = encoder.eval()(View((graph.adjacency,)))
    >>> embeddings.towers.items.embed(pl.DataFrame({"brand": ["acme"]})).shape  # a new item of a known brand
    torch.Size([1, 4])
    """

    kind: Literal["two_tower"] = "two_tower"
    hidden: tuple[Annotated[int, Field(ge=1)], ...] = (128,)
    """Widths of the hidden layers."""
    dropout: Annotated[float, Field(ge=0, lt=1)] = 0.0
    """Probability that a component of the tower's input is dropped in training."""
    id_dropout: Annotated[float, Field(ge=0, le=1)] = 0.0
    """Probability that a node's id part is left out in training (DropoutNet: 0.5)."""

    @override
    def needs_one_process(self) -> str | None:
        dropped = [name for name in ("dropout", "id_dropout") if getattr(self, name)]
        return f"{dropped[0]} of two_tower" if dropped else None

    @override
    def build(self, graph: Graph, features: FeatureTables, generator: torch.Generator) -> Encoder:
        from reccl.encoders.modules.two_tower import TwoTowerEncoder

        users, items = self.build_towers(
            graph, features, generator, hidden=self.hidden, dropout=self.dropout, id_dropout=self.id_dropout
        )
        return TwoTowerEncoder(users, items)
