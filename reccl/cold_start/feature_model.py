"""Feature model: maps the features of one side's nodes to embeddings."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Self

import polars as pl

from reccl.data.features import FeatureTables, FittedFeatures, Side
from reccl.data.graph import Graph
from reccl.encoders.tower import CELLS, Tower
from reccl.errors import ConfigError, did_you_mean, join_names
from reccl.lazy import torch
from reccl.scorers import Scorer
from reccl.settings import Settings

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrainedNodes:
    """What a feature model of one side is fitted to. All of it comes from training rows.

    Where the matrix of features is large, it is never whole in memory: of a million items with 2,000 words it has 8 GB.
    """

    features: FittedFeatures
    table: pl.DataFrame  # [n] all nodes of the side
    trained: Tensor  # [n] bool
    target: Scorer  # whose embeddings of the side are predicted
    graph: Graph
    seed: int

    @classmethod
    def of(cls, side: Side, features: FeatureTables, target: Scorer, graph: Graph, seed: int) -> Self | None:
        """The nodes of a side; None where it has no features."""
        table, _, _ = features.select_side(side)
        if table is None or not (fitted := features.fit(side)).columns:
            return None
        degree = graph.user_degree if side == "users" else graph.item_degree
        return cls(fitted, table, degree > 0, target, graph, seed)

    @cached_property
    def matrix(self) -> Tensor:
        """[n, F] features of all nodes."""
        return self.features.transform(self.table).to(self.graph.device)

    @property
    def is_small(self) -> bool:
        """Whether the matrix is kept."""
        return self.table.height * len(self.features.columns) <= CELLS

    def select(self, rows: Tensor) -> Tensor:
        """[t, F] features of some nodes, by row number [t]."""
        if self.is_small:
            return self.matrix[rows]
        return self.features.transform(self.table[rows.cpu().numpy()]).to(self.graph.device)

    def embed(self, tower: Tower) -> Tensor:
        """[n, D] what a tower makes of all nodes."""
        if self.is_small:
            return tower.embed_matrix(self.matrix)
        return tower.embed(self.table, self.graph.device)


@dataclass(frozen=True)
class FittedFeatureModel:
    """Embeddings of one side's nodes from features alone: scores are inner products with the other side's."""

    tower: Tower  # features -> [D']
    other_embeddings: Tensor  # [m, D'] of the other side, in the same space
    left_out: Tensor | None = None  # [n, D'] for trained nodes by a fit without each; None: the tower is not fitted


class FeatureModelSettings(Settings):
    """The config of a feature model."""

    def check(self, features: FittedFeatures) -> None:
        """Raise ConfigError where the model cannot be fitted to such features."""

    def fit_items(self, nodes: TrainedNodes) -> FittedFeatureModel:
        """Items from features, and the user embeddings that they are scored with."""
        raise NotImplementedError

    def fit_users(self, nodes: TrainedNodes) -> Tower:
        """Users from features, in the space of the target."""
        raise NotImplementedError


def check_weights(features: FittedFeatures, weights: dict[str, float]) -> None:
    """Raise ConfigError for the weight of a feature that there is not."""
    names = [feature.name for feature in features.features]
    for name in weights:
        if name not in names:
            near = did_you_mean(name, names) or f"; there are {join_names(names)}"
            raise ConfigError(f"cold_start: weight of unknown feature {name!r}{near}")


def feature_scales(features: FittedFeatures, x: Tensor, weights: dict[str, float]) -> Tensor:
    """[F] factors with which the squares of every feature's columns add up to its weight squared, on average over the
    rows of x [t, F]; the weight is 1 where `weights` does not name the feature.
    """
    scales, start = list[torch.Tensor](), 0
    for feature in features.features:
        width = len(feature.columns)
        length = x[:, start : start + width].square().sum(1).mean().sqrt()  # a scalar
        scales.append((weights.get(feature.name, 1.0) / length.clamp(min=1e-6)).expand(width))
        start += width
    return torch.cat(scales) if scales else x.new_zeros(0)
