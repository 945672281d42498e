"""Calibration: a scale and a shift that let scores of two sorts of items stand in one list."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from reccl.scorers import ValidationMetric

FACTORS = (0.06, 0.12, 0.25, 0.5, 1.0)
"""Scales that are tried first, as multiples of the one that matches spreads: what is foretold is less certain."""
HEIGHTS = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6)
"""How far above the edge of the list a user's best cold item is, in spreads, as tried first."""
FINER = ((0.7, 1.0, 1.4), (-0.15, 0.0, 0.15))
"""Factors and steps that are tried around the best of these."""
EDGE = 50
"""Place that counts as the edge of a list, or an eighth of a small catalog."""


@dataclass(frozen=True)
class Calibration:
    """scale * score + shift."""

    scale: float = 1.0
    shift: float = 0.0


def matched(own: Tensor, other: Tensor) -> Calibration:
    """What brings scores `other` [n, I] to the mean and the spread of `own` [n, I], of the same users and items."""
    spread = own.std(1).mean() / other.std(1).mean().clamp(min=1e-12)
    return Calibration(float(spread), float(own.mean() - spread * other.mean()))


def chosen(
    start: Calibration, scores: Tensor, foretold: Tensor, cold: Tensor, validation_metric: ValidationMetric
) -> Calibration:
    """The scale and shift with which the joint list does best on validation rows: a grid, then a finer one around the
    best. Ties stay with the start.

    Args:
        start: what is tried first.
        scores: [n, I] of the metric's users; those of `cold` items are not read.
        foretold: [n, C] of the cold items before calibration.
        cold: [C] row numbers of these items.
        validation_metric: made from validation rows.

    """
    grid = Grid.of(scores, foretold, cold)

    def good(calibration: Calibration) -> float:
        joint = scores.clone()
        joint[:, cold] = calibration.scale * foretold + calibration.shift
        return validation_metric(joint)

    best, value, at = start, good(start), (start.scale, 0.0)
    for scale, height in list(grid.coarse(start)):
        if (found := good(grid.at(scale, height))) > value:
            best, value, at = grid.at(scale, height), found, (scale, height)
    for scale, height in list(grid.fine(*at)):
        if (found := good(grid.at(scale, height))) > value:
            best, value = grid.at(scale, height), found
    return best


@dataclass(frozen=True)
class Grid:
    """Calibrations by how high a user's best cold item stands, on average over users."""

    edge: float  # score at the edge of a list of trained items
    spread: float  # standard deviation of a user's scores of trained items
    top: float  # best foretold score of a user

    @classmethod
    def of(cls, scores: Tensor, foretold: Tensor, cold: Tensor) -> "Grid":
        """EvaluationResult on the scores that are to be brought together; see `chosen`."""
        trained = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device).index_fill_(0, cold, False)
        own = scores[:, trained]  # [n, W]
        edge = own.topk(min(EDGE, 1 + own.shape[1] // 8), 1).values[:, -1].mean()
        return cls(float(edge), float(own.std(1).mean()), float(foretold.max(1).values.mean()))

    def at(self, scale: float, height: float) -> Calibration:
        """The calibration of this scale whose best cold item is `height` spreads above the edge."""
        return Calibration(scale, self.edge + height * self.spread - scale * self.top)

    def coarse(self, start: Calibration) -> Iterator[tuple[float, float]]:
        """Scales and heights that are tried first."""
        for factor in FACTORS:
            for height in HEIGHTS:
                yield factor * start.scale, height

    def fine(self, scale: float, height: float) -> Iterator[tuple[float, float]]:
        """Those around the best."""
        for factor in FINER[0]:
            for step in FINER[1]:
                yield factor * scale, height + step
