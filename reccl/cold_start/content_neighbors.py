"""Content neighbors: items whose features are like those of a user's items."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.cold_start.feature_model import (
    FeatureModelSettings,
    FittedFeatureModel,
    TrainedNodes,
    check_weights,
    feature_scales,
)
from reccl.data.features import FittedFeatures
from reccl.encoders.tower import Tower
from reccl.lazy import functional, torch


class ContentNeighbors(FeatureModelSettings):
    """Content-based nearest neighbors: score(u, i) = sum over the user's items j of cos(x_i, x_j).

    Recommender Systems Handbook, Ricci et al. (eds.), ch. 3: the user's profile is the sum of the feature vectors of
    the user's items, each of length one. All items of the user count, not the k most similar ones, so that it is an
    inner product.
    """

    kind: Literal["content_neighbors"] = "content_neighbors"
    feature_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Weight of each feature, by column of the table; 1 where it is not named."""

    @override
    def check(self, features: FittedFeatures) -> None:
        check_weights(features, self.feature_weights)

    @override
    def fit_items(self, nodes: TrainedNodes) -> FittedFeatureModel:
        scale = feature_scales(nodes.features, nodes.matrix[nodes.trained], self.feature_weights)  # [F]
        tower = Tower(nodes.features, ((torch.diag(scale).cpu(), torch.zeros(len(scale))),), unit_norm=True)
        items = functional.normalize(nodes.matrix * scale)  # [I, F]
        profiles = torch.zeros(nodes.graph.num_users, len(scale), device=items.device)  # [U, F]
        profiles.index_add_(0, nodes.graph.user, items[nodes.graph.item])
        return FittedFeatureModel(tower, profiles)
