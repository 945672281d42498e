"""ColdStart: nodes without training rows are placed by their features, in the space that a scorer ranks in."""

from dataclasses import dataclass, replace
from typing import Annotated, Literal

import torch
from pydantic import Field, SerializeAsAny
from torch import Tensor

from reccl.cold_start.calibration import Calibration, chosen, matched
from reccl.cold_start.content_neighbors import ContentNeighbors
from reccl.cold_start.feature_model import FeatureModelSettings, Known, Placed
from reccl.cold_start.regression import Regression
from reccl.data.features import FeatureTables, Side
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.tower import Tower, Towers
from reccl.errors import ConfigError
from reccl.scorers import Scorer, ValidationMetric
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings, outside

AnyItemFeatureModel = Annotated[
    SerializeAsAny[Annotated[ContentNeighbors | Regression, Field(discriminator="kind")]], outside(FeatureModelSettings)
]
AnyUserFeatureModel = Annotated[
    SerializeAsAny[Annotated[Regression, Field(discriminator="kind")]], outside(FeatureModelSettings)
]


class ColdStart(Settings):
    """Trained nodes keep what the scorer gives them; the others are placed by their features.

    Cold items get scores of their own kind, t_u . t_i, from the `space` that features foretell best (by default the
    scorer's own). One row a user and an item holds both kinds, so that the result is a scorer like any other:

    users [e_u ; t_u ; 1],   trained items [e_i ; 0 ; 0],   cold items [0 ; a t_i ; b].

    Scale a and shift b make the two kinds comparable in one list. They start where the scores that the space gives to
    trained items have the mean and spread of the scorer's, and are then moved to where the validation metric is best
    (`training.metric`, of all validation rows); a refit keeps them. Without validation rows they stay at the start.
    Lists of cold items alone do not depend on them, and lists of trained items alone are the scorer's own. Cold users'
    rows are foretold as a whole, from those of trained users.
    """

    items: AnyItemFeatureModel | None = Regression()
    """What places items without training rows; empty: they keep what the scorer gives them."""
    users: AnyUserFeatureModel | None = Regression()
    """What places users without training rows."""
    target_scorer: AnyScorer | None = None
    """The scorer whose rows features are to foretell, of the same encoder; empty: the scorer itself."""
    apply_to: Literal["cold", "all"] = "cold"
    """Items that are placed by features: cold ones, or all, for a model of content alone."""
    scale: Annotated[float, Field(gt=0)] | None = None
    """Factor a of the scores of cold items; empty: chosen on validation rows."""
    shift: float | None = None
    """Shift b of the scores of cold items; empty: chosen on validation rows."""


@dataclass(frozen=True)
class Complete:
    """A scorer with all nodes placed, what places new ones, and the settings with what was chosen."""

    scorer: Scorer
    towers: Towers
    cold_start: ColdStart


@torch.no_grad()
def complete(
    cold_start: ColdStart,
    scorer: Scorer,
    graph: Graph,
    features: FeatureTables,
    embeddings: Embeddings | None,
    validation_metric: ValidationMetric | None,
    seed: int,
) -> Complete:
    """Place the nodes of `graph` without training rows. Sides without features stay as they are.

    Raises ConfigError for a scorer that ranks from what users have item by item, and no space to foretell instead.
    """
    space = cold_start.target_scorer.build(graph, embeddings) if cold_start.target_scorer else scorer
    if space.item_operators:
        raise ConfigError(
            "cold_start: this scorer ranks from what users have item by item, and features foretell embeddings; "
            "set cold_start.target_scorer, e.g. {kind: svd}"
        )
    items = users = None
    if cold_start.items is not None and (known := known_of("items", features, space, graph, seed)):
        placed = cold_start.items.fit_items(known)
        scorer, items, cold_start = with_items(cold_start, scorer, space, placed, known, validation_metric)
    if cold_start.users is not None and (known := known_of("users", features, scorer, graph, seed)):
        users = cold_start.users.fit_users(known)
        rows = torch.where(
            known.trained[:, None], scorer.user_embeddings, users.of_matrix(known.matrix).to(scorer.user_embeddings)
        )
        scorer = replace(scorer, user_embeddings=rows)
    return Complete(scorer, Towers(users, items), cold_start)


def known_of(side: Side, features: FeatureTables, space: Scorer, graph: Graph, seed: int) -> Known | None:
    """What stand-ins of a side are fitted to; None where nothing is known of its nodes."""
    if features.side(side)[0] is None or not (fitted := features.fitted(side)).columns:
        return None
    degree = graph.user_degree if side == "users" else graph.item_degree
    return Known(fitted, features.matrix(side, fitted).to(graph.device), degree > 0, space, graph, seed)


def with_items(
    cold_start: ColdStart,
    scorer: Scorer,
    space: Scorer,
    placed: Placed,
    known: Known,
    validation_metric: ValidationMetric | None,
) -> tuple[Scorer, Tower, ColdStart]:
    """The scorer with two kinds of scores, the items' tower in its space, and the calibration that was chosen."""
    own, opposite = scorer.user_embeddings, placed.opposite.to(scorer.user_embeddings)  # [U, D], [U, D']
    told = placed.tower.of_matrix(known.matrix).to(own)  # [I, D']
    by_content = ~known.trained if cold_start.apply_to == "cold" else torch.ones_like(known.trained)
    calibration = calibrated(cold_start, scorer, space, opposite, told, by_content, validation_metric)
    ones = own.new_ones(len(own), 1)
    trained = torch.cat([scorer.item_embeddings, told.new_zeros(len(told), told.shape[1] + 1)], 1)
    tower = replace(placed.tower, zeros=own.shape[1], scale=calibration.scale, constants=(calibration.shift,))
    cold = tower.of_matrix(known.matrix).to(own)  # [I, D + D' + 1]
    items = torch.where(by_content[:, None], cold, trained)
    users = torch.cat([own, opposite, ones], 1)
    kept = cold_start.model_copy(update={"scale": calibration.scale, "shift": calibration.shift})
    return replace(scorer, user_embeddings=users, item_embeddings=items), tower, kept


def calibrated(
    cold_start: ColdStart,
    scorer: Scorer,
    space: Scorer,
    opposite: Tensor,
    told: Tensor,
    by_content: Tensor,
    validation_metric: ValidationMetric | None,
) -> Calibration:
    """The given calibration, or the one that validation rows choose."""
    if cold_start.scale is not None and cold_start.shift is not None:
        return Calibration(cold_start.scale, cold_start.shift)
    cold, trained = by_content.nonzero().squeeze(1), (~by_content).nonzero().squeeze(1)
    if not len(cold) or not len(trained):
        return Calibration()
    step = max(1, len(opposite) // 1024)
    rows = torch.arange(0, len(opposite), step, device=opposite.device)  # some users, evenly spaced
    start = matched(scorer.scores(rows)[:, trained], (opposite[rows] @ told.T)[:, trained])
    if validation_metric is None:
        return start
    return chosen(
        start,
        scorer.scores(validation_metric.users),
        opposite[validation_metric.users] @ told[cold].T,
        cold,
        validation_metric,
    )
