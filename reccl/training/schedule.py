"""Schedule: the learning rate over the steps of training."""

from math import cos, pi
from typing import Literal

Schedule = Literal["constant", "cosine", "linear"]


def factor(schedule: Schedule, step: int, steps: int, warmup: float = 0.0) -> float:
    """What the learning rate is multiplied by at `step` of `steps`: a linear warm-up, then the schedule down to zero.

    >>> [factor("linear", step, 4) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    warm = round(steps * warmup)
    if step < warm:
        return (step + 1) / (warm + 1)
    progress = min(1.0, (step - warm) / max(1, steps - warm))
    return {"constant": 1.0, "cosine": (1 + cos(pi * progress)) / 2, "linear": 1 - progress}[schedule]
