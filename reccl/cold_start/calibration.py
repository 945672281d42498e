"""Calibration: a scale and a shift that make the scores of two kinds of items comparable in one list."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from reccl.lazy import torch
from reccl.scorers import ValidationMetric

if TYPE_CHECKING:
    from torch import Tensor

FACTORS = (0.06, 0.12, 0.25, 0.5, 1.0)
"""Scales that are tried first, as multiples of the one that matches spreads: predicted scores are less certain."""
HEIGHTS = (-0.9, -0.6, -0.3, 0.0, 0.3, 0.6)
"""How far above the edge of the list a user's best cold item is, in spreads, as tried first."""
FINE_FACTORS, FINE_STEPS = (0.7, 1.0, 1.4), (-0.15, 0.0, 0.15)
"""Factors and steps that are tried around the best of these."""
EDGE = 50
"""Place that counts as the edge of a list, or an eighth of a small catalog."""


@dataclass(frozen=True)
class Calibration:
    """scale * score + shift."""

    scale: float = 1.0
    shift: float = 0.0


def match_scores(reference: Tensor, scores: Tensor) -> Calibration:
    """What brings `scores` [n, I] to the mean and the spread of `reference` [n, I], of the same users and items."""
    scale = reference.std(1).mean() / scores.std(1).mean().clamp(min=1e-12)
    return Calibration(float(scale), float(reference.mean() - scale * scores.mean()))


def search_calibration(
    start: Calibration, scores: Tensor, predicted: Tensor, cold: Tensor, metric: ValidationMetric
) -> Calibration:
    """The scale and shift with which the joint list does best on validation rows: a grid, then a finer one around the
    best. Ties stay with the start.

    Args:
        start: what is tried first.
        scores: [n, I] of the metric's users; those of `cold` items are not read.
        predicted: [n, C] of the cold items before calibration.
        cold: [C] row numbers of these items.
        metric: made from validation rows.

    """
    grid = CalibrationGrid.of(scores, predicted, cold)

    def evaluate(calibration: Calibration) -> float:
        joint = scores.clone()
        joint[:, cold] = calibration.scale * predicted + calibration.shift
        return metric(joint)

    best, best_value, place = start, evaluate(start), (start.scale, 0.0)
    for scale, height in grid.coarse(start):
        if (value := evaluate(grid.calibration(scale, height))) > best_value:
            best, best_value, place = grid.calibration(scale, height), value, (scale, height)
    for scale, height in grid.fine(*place):
        if (value := evaluate(grid.calibration(scale, height))) > best_value:
            best, best_value = grid.calibration(scale, height), value
    return best


@dataclass(frozen=True)
class CalibrationGrid:
    """Calibrations by how high a user's best cold item stands, on average over users."""

    edge: float  # score at the edge of a list of trained items
    spread: float  # standard deviation of a user's scores of trained items
    top: float  # best predicted score of a user

    @classmethod
    def of(cls, scores: Tensor, predicted: Tensor, cold: Tensor) -> CalibrationGrid:
        """Measured on the scores that are to be calibrated; see `search_calibration`."""
        trained = torch.ones(scores.shape[1], dtype=torch.bool, device=scores.device).index_fill_(0, cold, False)
        own = scores[:, trained]  # [n, W]
        edge = own.topk(min(EDGE, 1 + own.shape[1] // 8), 1).values[:, -1].mean()
        return cls(float(edge), float(own.std(1).mean()), float(predicted.max(1).values.mean()))

    def calibration(self, scale: float, height: float) -> Calibration:
        """The calibration of this scale whose best cold item is `height` spreads above the edge."""
        return Calibration(scale, self.edge + height * self.spread - scale * self.top)

    def coarse(self, start: Calibration) -> Iterator[tuple[float, float]]:
        """Scales and heights that are tried first."""
        for factor in FACTORS:
            for height in HEIGHTS:
                yield factor * start.scale, height

    def fine(self, scale: float, height: float) -> Iterator[tuple[float, float]]:
        """Those around the best."""
        for factor in FINE_FACTORS:
            for step in FINE_STEPS:
                yield factor * scale, height + step
