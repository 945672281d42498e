"""Schedule: the learning rate over the steps of training."""

from math import cos, pi
from typing import Literal

Schedule = Literal["constant", "cosine", "linear"]


def learning_rate_factor(schedule: Schedule, step: int, steps: int, warmup: float = 0.0) -> float:
    """The factor of the learning rate at `step` of `steps`: a linear warm-up, then the schedule down to zero.

    >>> [learning_rate_factor("linear", step, 4) for step in range(4)]
    [1.0, 0.75, 0.5, 0.25]
    """
    warmup_steps = round(steps * warmup)
    if step < warmup_steps:
        return (step + 1) / (warmup_steps + 1)
    progress = min(1.0, (step - warmup_steps) / max(1, steps - warmup_steps))
    return {"constant": 1.0, "cosine": (1 + cos(pi * progress)) / 2, "linear": 1 - progress}[schedule]
