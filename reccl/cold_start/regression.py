"""Regression: embeddings of trained nodes, predicted from features in closed form."""

from __future__ import annotations

from math import sqrt
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.cold_start.feature_model import (
    FeatureModelSettings,
    FittedFeatureModel,
    TrainedNodes,
    check_weights,
    feature_scales,
)
from reccl.cold_start.random_features import RandomFeatures
from reccl.cold_start.ridge import fit_ridge
from reccl.data.features import FittedFeatures
from reccl.encoders.tower import Tower
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Ridge penalties that are compared where none is given."""
MOST_ROWS = 20_000
"""Trained nodes that are learned from: features of 2,048 units of so many take 0.3 GiB."""


class Regression(FeatureModelSettings):
    """e_n = B' phi(x_n) + c: a ridge regression from features to the embeddings of trained nodes in a scorer.

    phi is a wide layer of random ReLU units (see `RandomFeatures`), so that features act together (a genre in a decade)
    without naming crosses; `hidden` 0 leaves x as it is (linear regression, the usual map from attributes to factors:
    Learning Attribute-to-Feature Mappings for Cold-Start Recommendations, Gantner et al., ICDM 2010). It predicts the
    expected embedding, so that a node about which little is known gets the average node's scores.

    Each feature is scaled so that its columns' squares add up to `feature_weights` squared on an average trained node.
    """

    kind: Literal["regression"] = "regression"
    hidden: Annotated[int, Field(ge=0)] = 2048
    """Random ReLU units (H); 0: none, linear in the features."""
    penalty: Annotated[float, Field(gt=0)] | None = None
    """Ridge penalty; empty: the best of nine by leave-one-out residuals."""
    feature_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Weight of each feature, by column of the table; 1 where it is not named."""

    @override
    def check(self, features: FittedFeatures) -> None:
        check_weights(features, self.feature_weights)

    @override
    def fit_items(self, nodes: TrainedNodes) -> FittedFeatureModel:
        tower, left_out = self.fit_tower(nodes, nodes.target.item_embeddings)
        return FittedFeatureModel(tower, nodes.target.user_embeddings, left_out)

    @override
    def fit_users(self, nodes: TrainedNodes) -> Tower:
        return self.fit_tower(nodes, nodes.target.user_embeddings)[0]

    def fit_tower(self, nodes: TrainedNodes, embeddings: Tensor) -> tuple[Tower, Tensor]:
        """From features to embeddings [n, D], fitted to the trained ones; and what is predicted for each of the nodes
        by a fit without it, [n, D].
        """
        rows = sample_rows(nodes.trained, nodes.seed)  # [t]
        x, y = nodes.select(rows), embeddings[rows].float()  # [t, F], [t, D]
        scale = feature_scales(nodes.features, x, self.feature_weights)  # [F]
        penalties = PENALTIES if self.penalty is None else (self.penalty,)
        if not self.hidden:
            ridge = fit_ridge(x * scale, y, penalties)
            layers: tuple[tuple[Tensor, Tensor], ...] = (((ridge.weights.T * scale).cpu(), ridge.constant.cpu()),)
        else:
            phi = RandomFeatures.draw(scale, self.hidden, nodes.seed)
            ridge = fit_ridge(phi(x), y, penalties)
            last = (ridge.weights.T * sqrt(2 / self.hidden)).cpu().contiguous()  # [D, H]
            layers = ((phi.weight, phi.bias), (last, ridge.constant.cpu()))
        tower = Tower(nodes.features, layers)
        return tower, nodes.embed(tower).index_copy(0, rows, ridge.left_out)


def sample_rows(trained: Tensor, seed: int) -> Tensor:
    """Row numbers of at most `MOST_ROWS` trained nodes ([n] bool): what is learned from more of them is no better,
    and takes time and memory.
    """
    rows = trained.nonzero().squeeze(1)
    if len(rows) <= MOST_ROWS:
        return rows
    drawn = torch.randperm(len(rows), generator=torch.Generator().manual_seed(seed))[:MOST_ROWS].sort().values
    return rows[drawn.to(rows.device)]
