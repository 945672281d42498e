"""Cold start: nodes without training rows get embeddings from their features, in the space that a scorer ranks in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SerializeAsAny

from reccl.cold_start.calibration import Calibration, match_scores, search_calibration
from reccl.cold_start.content_neighbors import ContentNeighbors
from reccl.cold_start.feature_model import FeatureModelSettings, FittedFeatureModel, TrainedNodes
from reccl.cold_start.regression import Regression
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.tower import Tower, Towers
from reccl.errors import ConfigError
from reccl.lazy import no_grad, torch
from reccl.scorers import Scorer, ScorerSettings, ValidationMetric
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings, outside

if TYPE_CHECKING:
    from torch import Tensor

AnyItemFeatureModel = Annotated[
    SerializeAsAny[Annotated[ContentNeighbors | Regression, Field(discriminator="kind")]], outside(FeatureModelSettings)
]
AnyUserFeatureModel = Annotated[
    SerializeAsAny[Annotated[Regression, Field(discriminator="kind")]], outside(FeatureModelSettings)
]
NO_TARGET = (
    "cold_start: this scorer ranks from the items that users have, and features predict embeddings; "
    "set cold_start.target_scorer, e.g. {kind: svd}"
)
MATCHED_USERS = 1024
"""About the number of users on whom the scores of trained and cold items are made comparable."""


class ColdStart(Settings):
    """Trained nodes keep what the scorer gives them; the others get embeddings from their features.

    Cold items have scores of their own kind, t_u . t_i, in the space of the `target_scorer` that features predict best
    (by default the scorer's own). One row a user and an item holds both kinds, so that the result is a scorer like any
    other:

    users [e_u ; t_u ; 1],   trained items [e_i ; 0 ; 0],   cold items [0 ; a t_i ; b].

    Scale a and shift b make the two kinds comparable in one list. They start where the target's scores of trained items
    have the mean and spread of the scorer's, and are then moved to where the validation metric is best
    (`training.metric`, of all validation rows); a refit keeps them. Without validation rows, or without cold items in
    the data, they stay at the start.
    Lists of cold items alone do not depend on them, and lists of trained items alone are the scorer's own. Cold users'
    rows are predicted as a whole, from those of trained users.
    """

    items: AnyItemFeatureModel | None = Regression()
    """What embeds items without training rows; empty: they keep what the scorer gives them."""
    users: AnyUserFeatureModel | None = Regression()
    """What embeds users without training rows."""
    target_scorer: AnyScorer | None = None
    """The scorer whose embeddings are predicted from features, of the same encoder; empty: the scorer itself."""
    apply_to: Literal["cold", "all"] = "cold"
    """Items that are embedded from features: cold ones, or all, for a model of content alone."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """Factor a of the scores of cold items; empty: selected on validation rows."""
    shift: float | None = None
    """Shift b of the scores of cold items; empty: selected on validation rows."""

    def check(self, graph: Graph, features: FeatureTables, scorer: ScorerSettings, *, has_encoder: bool) -> None:
        """Raise what would otherwise be raised after training: ConfigError for a weight of an unknown feature, or a
        scorer without embeddings to predict; DataError for features that cannot be read.
        """
        target = self.target_scorer or scorer
        if target.uses_history(graph):
            raise ConfigError(NO_TARGET)
        if target.needs_embeddings() and not has_encoder:
            raise ConfigError("cold_start.target_scorer needs an encoder section; or choose {kind: svd}")
        target.check(graph)
        if self.items is not None:
            self.items.check(features.fit("items"))
        if self.users is not None:
            self.users.check(features.fit("users"))


@dataclass(frozen=True)
class ColdStartResult:
    """A scorer in which all nodes are embedded, towers that embed new ones, and the settings with what was selected."""

    scorer: Scorer
    towers: Towers
    cold_start: ColdStart


@no_grad
def embed_cold_nodes(
    cold_start: ColdStart,
    scorer: Scorer,
    graph: Graph,
    features: FeatureTables,
    embeddings: Embeddings | None,
    metric: ValidationMetric | None,
    seed: int,
) -> ColdStartResult:
    """Embed the nodes of `graph` without training rows. Sides without features stay as they are.

    Raises ConfigError for a scorer that ranks from the items that users have, where no other target is set.
    """
    target = cold_start.target_scorer.build(graph, embeddings) if cold_start.target_scorer else scorer
    if target.item_operators:
        raise ConfigError(NO_TARGET)
    item_tower = user_tower = None
    if cold_start.items is not None and (nodes := TrainedNodes.of("items", features, target, graph, seed)):
        scorer, item_tower, cold_start = embed_items(
            cold_start, scorer, target, cold_start.items.fit_items(nodes), nodes, metric
        )
    if cold_start.users is not None and (nodes := TrainedNodes.of("users", features, scorer, graph, seed)):
        user_tower = cold_start.users.fit_users(nodes)
        predicted = user_tower.embed_matrix(nodes.matrix).to(scorer.user_embeddings)  # [U, D]
        rows = torch.where(nodes.trained[:, None], scorer.user_embeddings, predicted)
        scorer = replace(scorer, user_embeddings=rows)
    return ColdStartResult(scorer, Towers(user_tower, item_tower), cold_start)


def embed_items(
    cold_start: ColdStart,
    scorer: Scorer,
    target: Scorer,
    model: FittedFeatureModel,
    nodes: TrainedNodes,
    metric: ValidationMetric | None,
) -> tuple[Scorer, Tower, ColdStart]:
    """The scorer with two kinds of scores, the items' tower in its space, and the settings with the calibration."""
    own, users = scorer.user_embeddings, model.other_embeddings.to(scorer.user_embeddings)  # [U, D], [U, D']
    predicted = model.tower.embed_matrix(nodes.matrix).to(own)  # [I, D']
    by_features = ~nodes.trained if cold_start.apply_to == "cold" else torch.ones_like(nodes.trained)
    calibration = calibrate(cold_start, scorer, users, predicted, by_features, metric)
    trained = torch.cat([scorer.item_embeddings, predicted.new_zeros(len(predicted), predicted.shape[1] + 1)], 1)
    tower = replace(model.tower, zeros=own.shape[1], scale=calibration.scale, constants=(calibration.shift,))
    cold = tower.embed_matrix(nodes.matrix).to(own)  # [I, D + D' + 1]
    items = torch.where(by_features[:, None], cold, trained)
    user_rows = torch.cat([own, users, own.new_ones(len(own), 1)], 1)
    settings = cold_start.model_copy(update={"scale": calibration.scale, "shift": calibration.shift})
    return replace(scorer, user_embeddings=user_rows, item_embeddings=items), tower, settings


def calibrate(
    cold_start: ColdStart,
    scorer: Scorer,
    users: Tensor,
    predicted: Tensor,
    by_features: Tensor,
    metric: ValidationMetric | None,
) -> Calibration:
    """The given calibration, or the best one on validation rows; of users [U, D'] with predicted items [I, D']."""
    if cold_start.scale is not None and cold_start.shift is not None:
        return Calibration(cold_start.scale, cold_start.shift)
    cold, trained = by_features.nonzero().squeeze(1), (~by_features).nonzero().squeeze(1)
    if not len(trained):
        return Calibration()
    rows = torch.arange(0, len(users), max(1, len(users) // MATCHED_USERS), device=users.device)  # evenly spaced
    start = match_scores(scorer.scores(rows)[:, trained], (users[rows] @ predicted.T)[:, trained])
    if metric is None or not len(cold):  # without any cold item, the calibration is for new ones
        return start
    joint, of_cold = scorer.scores(metric.users), users[metric.users] @ predicted[cold].T  # [n, I], [n, C]
    return search_calibration(start, joint, of_cold, cold, metric)
