"""Budget: what a study has spent, so that methods are compared that were given the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Self

from reccl.tuning.trial import COMPLETE, FAILED, PRUNED, Trial

TAG = "reccl.tuning."
"""What the names of a budget's tags in MLflow begin with."""


@dataclass(frozen=True)
class Budget:
    """Trials and time of a study, over all the times that it was gone on with, and the space that it searched."""

    trials: int
    """How many have ended: completed, pruned and failed; those that were broken off do not count."""
    completed: int
    pruned: int
    failed: int
    seconds: float
    """Of training and validating, summed over trials, also those that were broken off."""
    wall_seconds: float
    """Of the study; with several jobs less than `seconds`."""
    keys: int
    """Keys that were searched over."""
    space: str
    """Digest of the space."""
    metric: str
    """The validation metric that trials are judged by."""

    @classmethod
    def of(cls, trials: Sequence[Trial], wall_seconds: float, keys: int, space: str, metric: str) -> Self:
        """What these trials have spent."""
        completed, pruned, failed = (
            sum(trial.state == state for trial in trials) for state in (COMPLETE, PRUNED, FAILED)
        )
        spent = sum(trial.seconds for trial in trials)
        ended = completed + pruned + failed
        return cls(ended, completed, pruned, failed, spent, wall_seconds, keys, space, metric)

    def tags(self) -> dict[str, str]:
        """As tags of the study's run in MLflow."""
        return {
            f"{TAG}{name}": f"{value:.1f}" if isinstance(value, float) else str(value)
            for name, value in asdict(self).items()
        }

    def as_json(self) -> str:
        """As a text that `json` reads."""
        return json.dumps(asdict(self), indent=2) + "\n"

    def describe(self) -> str:
        """In one line.

        >>> Budget(30, 14, 15, 1, 600.0, 310.0, 4, "a1b2", "ndcg_at_10").describe()
        '30 trials (14 completed, 15 pruned, 1 failed), 600 s of training in 310 s'
        """
        return (
            f"{self.trials} trial{'s' * (self.trials != 1)} ({self.completed} completed, {self.pruned} pruned, "
            f"{self.failed} failed), {self.seconds:,.0f} s of training in {self.wall_seconds:,.0f} s"
        )
