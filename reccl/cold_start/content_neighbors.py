"""Neighbors: items that are described like those a user has."""

from typing import Annotated, Literal

import torch
from pydantic import Field
from torch.nn.functional import normalize
from typing_extensions import override

from reccl.cold_start.feature_model import FeatureModelSettings, Known, Placed
from reccl.cold_start.regression import scales
from reccl.encoders.tower import Tower


class ContentNeighbors(FeatureModelSettings):
    """Content-based nearest neighbors: score(u, i) = sum over the user's items j of cos(x_i, x_j).

    Recommender Systems Handbook, Ricci et al. (eds.), ch. 3: the user's profile is the sum of the described items, each
    of length one. All items of the user count, not the k most similar ones, so that it is an inner product.
    """

    kind: Literal["content_neighbors"] = "content_neighbors"
    feature_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """How loud each feature is, by column of the table; 1 where it is not named."""

    @override
    def fit_items(self, known: Known) -> Placed:
        scale = scales(known.features, known.matrix[known.trained], self.feature_weights)  # [F]
        tower = Tower(known.features, ((torch.diag(scale).cpu(), torch.zeros(len(scale))),), unit_norm=True)
        described = normalize(known.matrix * scale)  # [I, F]
        profiles = torch.zeros(known.graph.num_users, len(scale), device=described.device)  # [U, F]
        profiles.index_add_(0, known.graph.user, described[known.graph.item])
        return Placed(tower, profiles)
