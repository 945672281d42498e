"""Result: what a study has found, as values, tables and files."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reccl.config import Experiment
from reccl.lazy import pl
from reccl.tuning.budget import Budget
from reccl.tuning.trial import COMPLETE, Trial


@dataclass(frozen=True)
class Tuning:
    """What a study has found on validation rows. It has read no test row."""

    name: str
    best: Experiment
    """The config of the best trial; train it with `reccl.train(tuning.best)`."""
    best_trial: Trial
    trials: tuple[Trial, ...]
    budget: Budget
    importances: Mapping[str, float]
    """Key -> share of what trials differ in, most first; empty where too few were completed."""
    path: Path
    """The best config as a YAML."""
    run: str
    """Id of the study's run in MLflow; empty where it was not recorded."""
    interrupted: bool = False
    """Whether Ctrl-C ended it before its budget was spent."""

    @property
    def default_trial(self) -> Trial | None:
        """The trial of the config as it was; None where it was not completed."""
        return next((trial for trial in self.trials if trial.default and trial.state == COMPLETE), None)

    def ranked(self) -> list[Trial]:
        """Completed trials, best first."""
        done = (trial for trial in self.trials if trial.state == COMPLETE)
        return sorted(done, key=lambda trial: -(trial.value or 0.0))

    def to_frame(self) -> "pl.DataFrame":
        """A row for each trial, in the order in which they began: state, value, epochs, seconds, and every key."""
        return trials_frame(self.trials)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        default = self.default_trial
        return {
            "study": self.name,
            "run": self.run,
            "config": str(self.path),
            "metric": self.budget.metric,
            "best": as_row(self.best_trial),
            "default": as_row(default) if default else None,
            "importances": dict(self.importances),
            "budget": vars(self.budget),
            "interrupted": self.interrupted,
            "trials": [as_row(trial) for trial in self.trials],
        }


def as_row(trial: Trial) -> dict[str, Any]:
    """A trial as plain values."""
    return {**vars(trial), "values": dict(trial.values)}


def trials_frame(trials: tuple[Trial, ...]) -> "pl.DataFrame":
    """Trials as a table; a key that holds parts or words of several types is text."""
    keys = dict.fromkeys(key for trial in trials for key in trial.values)
    fields = ("number", "state", "value", "best_epoch", "epochs", "seconds", "default", "error")
    columns: dict[str, pl.Series] = {
        name: pl.Series(name, [getattr(trial, name) for trial in trials], strict=False) for name in fields
    }
    for key in keys:
        values = [trial.values.get(key) for trial in trials]
        if not all(value is None or type(value) in (int, float) for value in values):
            values = [None if value is None else str(value) for value in values]
        columns[key] = pl.Series(key, values, strict=False)
    return pl.DataFrame(columns)
