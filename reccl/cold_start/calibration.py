"""Calibration: scores by features in the place that a user's scores by training give them in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Self

from reccl.data.user_items import UserItemCSR
from reccl.lazy import no_grad, torch
from reccl.scorers import Scorer, ValidationMetric

if TYPE_CHECKING:
    from torch import Tensor

EDGE = 20
"""Place that counts as the edge of a list, or an eighth of a small catalog."""
FACTORS = (0.12, 0.25, 0.5, 0.7, 1.0)
"""Factors a of scores by features that are tried first: predicted scores are less certain."""
STEPS = (-2.0, -1.0, 0.0, 1.0, 2.0, 4.0)
"""How far below the edge a score by features may be and still come in (b / a), as tried first."""
FINE_FACTORS, FINE_STEPS = (0.7, 1.0, 1.4), (-0.5, 0.0, 0.5)
"""Factors and steps that are tried around the best of these."""
LEAST_EXCESS = 0.1
"""Least distance from the edge of predicted scores to the best, in their standard deviations."""
CHUNK = 1 << 24
"""Scores in memory at a time."""


@dataclass(frozen=True)
class Calibration:
    """a and b of `Levels`."""

    scale: float = 1.0
    shift: float = 0.0


@dataclass(frozen=True)
class Levels:
    """Where every user's list of trained items begins and ends, by training and by features.

    s = edge + a excess / excess' (p - edge') + b excess

    makes scores of items by features, s, of predicted ones, p. Edge is the user's k-th best score of trained items that
    the user does not have, excess the mean distance of the best k from it; edge' and excess' are those of p over the
    same items, each predicted by a model fitted without it. With a = 1 and b = 0 an item stands in a user's list
    where it would stand if all items were scored by features: an item of a kind gets, user by user, the exposure of
    its like. Factor a decides how far up in the list it stands, b raises it (b > 0) or lowers it.
    """

    edge: Tensor  # [U]
    excess: Tensor  # [U] >= 0
    predicted_edge: Tensor  # [U]
    stretch: Tensor  # [U] excess / excess'; 0 where all predicted scores are the same

    @classmethod
    @no_grad
    def of(cls, scorer: Scorer, trained: Tensor, users: Tensor, items: Tensor, seen: UserItemCSR) -> Self:
        """Measured on all users.

        Args:
            scorer: scores of trained items.
            trained: [W] row numbers of these.
            users: [U, D'] whose products with `items` are predicted scores.
            items: [W, D'] embeddings of the trained items that features predict, each by a model fitted without it.
            seen: the training interactions.

        """
        count, found = min(EDGE, 1 + len(trained) // 8), list[tuple[torch.Tensor, ...]]()
        size = max(1, CHUNK // max(1, scorer.num_items))
        for rows in torch.arange(scorer.num_users, device=scorer.device).split(size):
            scores = scorer.scores(rows)  # [b, I]
            mine = torch.zeros_like(scores, dtype=torch.bool)
            mine[seen.gather_pairs(rows)] = True
            mine = mine[:, trained]  # [b, W]
            predicted = users[rows] @ items.T  # [b, W]
            edge, excess = edge_and_excess(put_last(scores[:, trained], mine), count)
            predicted_edge, reach = edge_and_excess(put_last(predicted, mine), count)
            reach = torch.maximum(reach, LEAST_EXCESS * predicted.std(1, correction=0))
            stretch = torch.where(reach > 0, excess / reach.clamp(min=1e-30), 0.0)
            found.append((edge, excess, predicted_edge, stretch))
        return cls(*(torch.cat(each) for each in zip(*found, strict=True)))

    def place(self, predicted: Tensor, rows: Tensor, calibration: Calibration) -> Tensor:
        """Predicted scores [n, C] of the users at `rows` [n] as scores, [n, C]."""
        edge, excess, predicted_edge, stretch = (
            each[rows, None] for each in (self.edge, self.excess, self.predicted_edge, self.stretch)
        )
        return edge + calibration.scale * stretch * (predicted - predicted_edge) + calibration.shift * excess


def put_last(scores: Tensor, which: Tensor) -> Tensor:
    """Scores [b, W] in which those at `which` are the least of their row."""
    least = scores.masked_fill(which, torch.inf).amin(1, keepdim=True)
    return torch.where(which, least.where(least.isfinite(), 0), scores)


def edge_and_excess(scores: Tensor, k: int) -> tuple[Tensor, Tensor]:
    """The k-th best score of every row [b, W], and how far the best k are above it on average: [b], [b].

    >>> edge, excess = edge_and_excess(torch.tensor([[5.0, 1.0, 3.0, 2.0]]), k=2)
    >>> edge.item(), excess.item()
    (3.0, 1.0)
    """
    best = scores.topk(k, 1).values
    return best[:, -1], best.mean(1) - best[:, -1]


def search_calibration(
    levels: Levels, scores: Tensor, predicted: Tensor, cold: Tensor, metric: ValidationMetric
) -> Calibration:
    """The calibration with which the joint list does best on validation rows: a grid, then a finer one around the best.

    Ties stay with the calibration that gives items the exposure of their like.

    Args:
        levels: of all users.
        scores: [n, I] of the metric's users; those of `cold` items are not read.
        predicted: [n, C] of the cold items before calibration.
        cold: [C] row numbers of these items.
        metric: made from validation rows.

    """

    def evaluate(calibration: Calibration) -> float:
        joint = scores.clone()
        joint[:, cold] = levels.place(predicted, metric.users, calibration)
        return metric(joint)

    best = Calibration()
    best_value = evaluate(best)
    for around in (coarse, fine):
        for calibration in around(best):
            if (value := evaluate(calibration)) > best_value:
                best, best_value = calibration, value
    return best


def coarse(_: Calibration) -> Iterator[Calibration]:
    """What is tried first."""
    for factor in FACTORS:
        for step in STEPS:
            yield Calibration(factor, factor * step)


def fine(best: Calibration) -> Iterator[Calibration]:
    """What is tried around the best."""
    for factor in FINE_FACTORS:
        for step in FINE_STEPS:
            scale = factor * best.scale
            yield Calibration(scale, scale * (best.shift / best.scale + step))
