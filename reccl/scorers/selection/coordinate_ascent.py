"""Climb: weights of a sum, one at a time, by what a judge says of it."""

from collections.abc import Callable, Mapping

from torch import Tensor

from reccl.scorers.scorer import clearly_better

COARSE = 2.0
STEPS = (COARSE, 2**0.5)
"""Factors by which a weight is made larger and smaller, one after the other."""


def coordinate_ascent(
    start: Mapping[str, float], validation_metric: Callable[[Mapping[str, float]], Tensor]
) -> dict[str, float]:
    """Coordinate ascent on a logarithmic grid, from `start` (all >= 0, at least one > 0).

    The judge says how good a sum is for each user, [n]. For each step factor, from coarse to fine, every weight is
    multiplied or divided by it for as long as anything is clearly better; in the coarse round a weight may also become
    zero, and then stays so. Weights come back with the largest at 1: only their ratios matter.
    """
    weights, best = dict(start), validation_metric(start)
    for factor in STEPS:
        ways = (factor, 1 / factor, 0.0) if factor == COARSE else (factor, 1 / factor)
        helped = len([weight for weight in weights.values() if weight]) > 1
        while helped:
            helped = False
            for name in start:
                for way in ways:
                    tried = weights | {name: weights[name] * way}
                    if (
                        weights[name]
                        and any(tried.values())
                        and clearly_better(score := validation_metric(tried), best)
                    ):
                        weights, best, helped = tried, score, True
    largest = max(weights.values())
    return {name: weight / largest for name, weight in weights.items()}
