"""Coordinate ascent: the weights of a sum, one at a time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from reccl.scorers.selection.one_standard_error import clearly_better

if TYPE_CHECKING:
    from torch import Tensor

COARSE = 2.0
STEPS = (COARSE, 2**0.5)
"""Factors by which a weight is made larger and smaller, one after the other."""


def coordinate_ascent(
    start: Mapping[str, float], evaluate: Callable[[Mapping[str, float]], Tensor]
) -> dict[str, float]:
    """Coordinate ascent on a logarithmic grid, from `start` (all >= 0, at least one > 0).

    `evaluate` gives the metric of a sum for each user, [n]. For each step factor, from coarse to fine, every weight is
    multiplied or divided by it for as long as anything is clearly better; in the coarse round a weight may also become
    zero, and then stays so. Weights come back with the largest at 1: only their ratios matter. No weights are evaluated
    twice, as those would be that a step came from.
    """
    known: dict[tuple[str, ...], Tensor] = {}

    def evaluate_once(weights: Mapping[str, float]) -> Tensor:
        key = tuple(f"{weight:.9g}" for weight in weights.values())
        if key not in known:
            known[key] = evaluate(weights)
        return known[key]

    weights, best = dict(start), evaluate_once(start)
    for step in STEPS:
        factors = (step, 1 / step, 0.0) if step == COARSE else (step, 1 / step)
        improved = len([weight for weight in weights.values() if weight]) > 1
        while improved:
            improved = False
            for name in start:
                for factor in factors:
                    candidate = weights | {name: weights[name] * factor}
                    possible = weights[name] and any(candidate.values())
                    if possible and clearly_better(value := evaluate_once(candidate), best):
                        weights, best, improved = candidate, value, True
    largest = max(weights.values())
    return {name: weight / largest for name, weight in weights.items()}
