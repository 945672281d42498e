"""Epoch: what one pass over the training interactions gave."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Epoch:
    """Losses, metrics and speed of one epoch."""

    number: int
    losses: Mapping[str, float]  # weighted, mean over interactions
    validation: Mapping[str, float]  # empty where this epoch was not validated
    test: Mapping[str, float]  # empty unless training.best_on_test; nothing is selected by it
    learning_rate: float
    seconds: float  # of training, without validation
    interactions_per_second: float
