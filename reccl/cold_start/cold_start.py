"""Cold start: nodes without training rows get embeddings from their features, in the space that a scorer ranks in."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, SerializeAsAny

from reccl.cold_start.calibration import Calibration, Levels, search_calibration
from reccl.cold_start.content_neighbors import ContentNeighbors
from reccl.cold_start.feature_model import FeatureModelSettings, FittedFeatureModel, TrainedNodes
from reccl.cold_start.regression import Regression
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.tower import Tower, Towers
from reccl.errors import ConfigError
from reccl.lazy import no_grad, torch
from reccl.scorers import Scorer, ScorerBuilder, ScorerSettings, Svd, ValidationMetric
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
NO_ENCODER = "cold_start.target_scorer needs an encoder section; or choose {kind: svd}"
NO_EMBEDDINGS = (
    "cold_start.target_scorer ranks from the items that users have, and features predict embeddings; "
    "set cold_start.target_scorer={kind: svd}, or leave it out"
)
DIRECTIONS = Svd(dimension=64, normalize=False)
"""What features predict where a scorer ranks from the items that users have, and has no embeddings."""


class ColdStart(Settings):
    """Trained nodes keep what the scorer gives them; the others get embeddings from their features.

    Cold items have scores of their own kind, t_u . t_i, in the space of the `target_scorer` that features predict best
    (by default the scorer's own, or an SVD's where the scorer has no embeddings). One row a user and an item holds both
    kinds, so that the result is a scorer like any other:

    users [e_u ; g_u t_u ; edge_u ; g_u edge'_u ; excess_u],
    trained items [e_i ; 0 ; 0 ; 0 ; 0],   cold items [0 ; a t_i ; 1 ; -a ; b].

    See `reccl.cold_start.calibration.Levels`: a cold item stands in a user's list where it would stand if all items
    were scored by features, so that items of a kind get the exposure of their like (a = 1, b = 0). With
    `calibration: metric`, a and b are moved to where the validation metric is best (`training.metric`, of all
    validation rows); a refit keeps them. Without validation rows of cold items they stay.
    Lists of cold items alone do not depend on b, and lists of trained items alone are the scorer's own. Cold users'
    rows are predicted as a whole, from those of trained users; where the scorer ranks from the items that users have,
    their profiles are, too (`reccl.cold_start.expected_profile.ProfileComponents`). Sides that the encoder embeds from
    features are left to it.
    """

    items: AnyItemFeatureModel | None = Regression()
    """What embeds items without training rows; empty: they keep what the scorer gives them."""
    users: AnyUserFeatureModel | None = Regression()
    """What embeds users without training rows."""
    target_scorer: AnyScorer | None = None
    """The scorer whose embeddings are predicted from features, of the same encoder; empty: the scorer itself, or
    {kind: svd} where it has no embeddings. What it leaves open (a grid, the weights of a blend) is selected on
    validation rows, by its own lists."""
    apply_to: Literal["cold", "all"] = "cold"
    """Items that are embedded from features: cold ones, or all, for a model of content alone."""
    calibration: Literal["exposure", "metric"] = "exposure"
    """What the height of cold items in a list goes by: the exposure of trained items like them, or the validation
    metric."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """Factor a: how far up in the list cold items stand; empty: 1, or selected by the metric."""
    shift: float | None = None
    """Shift b of the scores of cold items, in mean distances of a list's scores from its last; empty: 0, or selected by
    the metric."""

    def check(self, graph: Graph, features: FeatureTables, scorer: ScorerSettings, *, has_encoder: bool) -> None:
        """Raise what would otherwise be raised after training: ConfigError for a weight of an unknown feature, or a
        scorer without embeddings to predict; DataError for features that cannot be read.
        """
        target = self.choose_target(scorer, graph)
        if target.uses_history(graph):
            raise ConfigError(NO_EMBEDDINGS)
        if target.needs_embeddings() and not has_encoder:
            raise ConfigError(NO_ENCODER)
        target.check(graph)
        if self.items is not None:
            self.items.check(features.fit("items"))
        if self.users is not None:
            self.users.check(features.fit("users"))

    def choose_target(self, scorer: ScorerSettings, graph: Graph) -> ScorerSettings:
        """The scorer whose embeddings features predict."""
        return self.target_scorer or (DIRECTIONS if scorer.uses_history(graph) else scorer)


@dataclass(frozen=True)
class ColdStartResult:
    """A scorer in which all nodes are embedded, towers that embed new ones, and the settings with what was selected."""

    scorer: Scorer
    towers: Towers
    cold_start: ColdStart


@no_grad
def embed_cold_nodes(
    cold_start: ColdStart,
    builder: ScorerBuilder,
    features: FeatureTables,
    embeddings: Embeddings | None,
    metric: ValidationMetric | None,
    seed: int,
) -> ColdStartResult:
    """Embed the nodes of the builder's graph without training rows. Sides without features stay as they are.

    Args:
        cold_start: how.
        builder: of the scorer.
        features: tables of both sides.
        embeddings: of the encoder, where there is one.
        metric: selects on validation rows; None: nothing is selected.
        seed: of random features.

    """
    from reccl.cold_start.expected_profile import ProfileComponents

    scorer, graph = builder.build(embeddings), builder.graph
    towers = builder.settings.towers(embeddings) if embeddings else Towers()
    of_users = cold_start.users if towers.users is None and features.fit("users").columns else None
    profiles = ProfileComponents.of(scorer) if of_users is not None and scorer.item_operators else None
    if profiles is not None:
        scorer = profiles.join(scorer)
    settings = cold_start.items if towers.items is None else None
    if settings is not None and features.fit("items").columns:
        target, cold_start = build_target(cold_start, builder, scorer, embeddings, metric)
        nodes = TrainedNodes.of("items", features, target, graph, seed)
        if nodes is not None and nodes.trained.any():
            model = settings.fit_items(nodes)
            scorer, tower, cold_start = embed_items(cold_start, scorer, model, nodes, metric)
            towers = Towers(towers.users, tower)
    target = scorer if profiles is None else profiles.show(scorer)
    if of_users is not None and (nodes := TrainedNodes.of("users", features, target, graph, seed)):
        user_tower = of_users.fit_users(nodes)
        predicted = nodes.embed(user_tower).to(scorer.user_embeddings)  # [U, D]
        rows = torch.where(nodes.trained[:, None], scorer.user_embeddings, predicted)
        scorer, towers = replace(scorer, user_embeddings=rows), Towers(user_tower, towers.items)
    return ColdStartResult(scorer, towers, cold_start)


def build_target(
    cold_start: ColdStart,
    builder: ScorerBuilder,
    scorer: Scorer,
    embeddings: Embeddings | None,
    metric: ValidationMetric | None,
) -> tuple[Scorer, ColdStart]:
    """The scorer whose embeddings are predicted, and the settings with what was selected in it."""
    settings = cold_start.choose_target(builder.settings, builder.graph)
    if settings is builder.settings:
        return scorer, cold_start
    target = settings.builder(builder.graph)
    if metric is not None:
        target = target.tuned_on(embeddings, metric)
    if target.settings is not settings:
        cold_start = cold_start.model_copy(update={"target_scorer": target.settings})
    return target.build(embeddings), cold_start


def embed_items(
    cold_start: ColdStart,
    scorer: Scorer,
    model: FittedFeatureModel,
    nodes: TrainedNodes,
    metric: ValidationMetric | None,
) -> tuple[Scorer, Tower, ColdStart]:
    """The scorer with two kinds of scores, the items' tower in its space, and the settings with the calibration."""
    own, users = scorer.user_embeddings, model.other_embeddings.to(scorer.user_embeddings)  # [U, D], [U, D']
    longest = None
    if model.left_out is not None:  # an item unlike any trained one is not believed more than the best known
        longest = float(model.left_out[nodes.trained].norm(dim=1).max())
    tower = replace(model.tower, longest=longest, zeros=own.shape[1])
    predicted = nodes.embed(model.tower).to(own)  # [I, D']
    if cold_start.apply_to == "all":
        users = torch.cat([own, users], 1)
        items = torch.cat([torch.zeros_like(scorer.item_embeddings), predicted], 1)
        return replace(scorer, user_embeddings=users, item_embeddings=items), tower, cold_start
    rows = nodes.trained.nonzero().squeeze(1)  # [W]
    left_out = (predicted if model.left_out is None else model.left_out.to(own))[rows]  # [W, D']
    levels = Levels.of(scorer, rows, users, left_out, nodes.graph.user_items)
    calibration, cold_start = calibrate(cold_start, levels, scorer, users, predicted, ~nodes.trained, metric)
    level = torch.stack([levels.edge, levels.stretch * levels.predicted_edge, levels.excess], 1)  # [U, 3]
    user_rows = torch.cat([own, levels.stretch[:, None] * users, level], 1)
    tower = replace(tower, scale=calibration.scale, constants=(1.0, -calibration.scale, calibration.shift))
    cold = nodes.embed(tower).to(own)  # [I, D + D' + 3]
    trained = torch.cat([scorer.item_embeddings, cold.new_zeros(len(cold), cold.shape[1] - own.shape[1])], 1)
    items = torch.where(nodes.trained[:, None], trained, cold)
    return replace(scorer, user_embeddings=user_rows, item_embeddings=items), tower, cold_start


def calibrate(
    cold_start: ColdStart,
    levels: Levels,
    scorer: Scorer,
    users: Tensor,
    predicted: Tensor,
    cold: Tensor,
    metric: ValidationMetric | None,
) -> tuple[Calibration, ColdStart]:
    """The given calibration, or the best one on validation rows where it goes by the metric, which is then kept; of
    users [U, D'] with predicted items [I, D'], `cold` [I] bool.
    """
    start = Calibration()
    given = Calibration(cold_start.scale or start.scale, start.shift if cold_start.shift is None else cold_start.shift)
    open_ = cold_start.calibration == "metric" and cold_start.scale is None and cold_start.shift is None
    if not open_ or metric is None or not cold.any():
        return given, cold_start
    rows = cold.nonzero().squeeze(1)
    scores, of_cold = metric.score(scorer), users[metric.users] @ predicted[rows].T  # [n, I], [n, C]
    found = search_calibration(levels, scores, of_cold, rows, metric)
    return found, cold_start.model_copy(update={"scale": found.scale, "shift": found.shift})
