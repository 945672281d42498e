"""Regression: rows of trained nodes, foretold from features in closed form."""

from math import sqrt
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.cold_start.feature_model import FeatureModelSettings, Known, Placed
from reccl.cold_start.random_features import Projection
from reccl.cold_start.ridge import ridge
from reccl.data.features import FittedFeatures
from reccl.encoders.tower import Tower
from reccl.errors import ConfigError, did_you_mean, listed

PENALTIES = (0.03, 0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 100.0, 300.0)
"""Ridge penalties that are compared where none is given."""


class Regression(FeatureModelSettings):
    """e_n = B' phi(x_n) + c: a ridge regression from features to the rows that trained nodes have in a scorer.

    phi is a wide layer of random ReLU units (see `Projection`), so that features act together (a genre in a decade)
    without naming crosses; `hidden` 0 leaves x as it is (linear regression, the usual map from attributes to factors:
    Learning Attribute-to-Feature Mappings for Cold-Start Recommendations, Gantner et al., ICDM 2010). What it foretells
    is the expected row, so that a node of which little is known gets the average node's scores.

    Each feature is scaled so that its columns' squares add up to `feature_weights` squared on an average trained node.
    """

    kind: Literal["regression"] = "regression"
    hidden: Annotated[int, Field(ge=0)] = 2048
    """Random ReLU units (H); 0: none, linear in the features."""
    penalty: Annotated[float, Field(gt=0)] | None = None
    """Ridge penalty; empty: the best of nine by leave-one-out residuals."""
    feature_weights: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """How loud each feature is, by column of the table; 1 where it is not named."""

    @override
    def fit_items(self, known: Known) -> Placed:
        return Placed(self.tower(known, known.space.item_embeddings), known.space.user_embeddings)

    @override
    def fit_users(self, known: Known) -> Tower:
        return self.tower(known, known.space.user_embeddings)

    def tower(self, known: Known, rows: Tensor) -> Tower:
        """From features to rows [n, D], fitted to the trained ones."""
        x, y = known.matrix[known.trained], rows[known.trained].float()  # [t, F], [t, D]
        scale = scales(known.features, x, self.feature_weights)  # [F]
        penalties = PENALTIES if self.penalty is None else (self.penalty,)
        if not self.hidden:
            weight, bias, _ = ridge(x * scale, y, penalties)
            return Tower(known.features, (((weight.T * scale).cpu(), bias.cpu()),))
        projection = Projection.draw(scale, self.hidden, known.seed)
        weight, bias, _ = ridge(projection(x), y, penalties)  # [H, D], [D]
        last = (weight.T * sqrt(2 / self.hidden)).cpu().contiguous()  # [D, H]
        return Tower(known.features, ((projection.weight, projection.bias), (last, bias.cpu())))


def scales(features: FittedFeatures, x: Tensor, weights: dict[str, float]) -> Tensor:
    """[F] factors that make every feature equally loud on average over x [t, F], times its weight.

    Raises ConfigError for a weight of a feature that there is not.
    """
    names = [feature.name for feature in features.features]
    for name in weights:
        if name not in names:
            near = did_you_mean(name, names) or f"; there are {listed(names)}"
            raise ConfigError(f"cold_start: weight of unknown feature {name!r}{near}")
    made, start = list[Tensor](), 0
    for feature in features.features:
        width = len(feature.columns)
        loud = x[:, start : start + width].square().sum(1).mean().sqrt()  # a scalar
        made.append((weights.get(feature.name, 1.0) / loud.clamp(min=1e-6)).expand(width))
        start += width
    return torch.cat(made) if made else x.new_zeros(0)
