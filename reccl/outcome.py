"""Outcome: what a run ends with, and who is told."""

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from reccl.config import Experiment, dump, flatten
from reccl.data.dataset import Dataset
from reccl.evaluation import EvaluationResult
from reccl.recommend import Model
from reccl.recommend.record import TrainingRecord, history_frame
from reccl.training import Callback, Checkpoints, Epoch, Fit
from reccl.training.pilot import Trial


@dataclass(frozen=True)
class Outcome:
    """What a run ends with."""

    experiment: Experiment  # as it was asked for
    selected: Mapping[str, object]  # dotted key -> value, as selected on validation rows
    data: Dataset
    model: Model
    fit: Fit
    refit: Fit | None
    metrics: Mapping[str, Mapping[str, float]]  # validation, test; best_on_test where training.best_on_test
    test_result: EvaluationResult | None
    timing: Mapping[str, float]
    cold_sides: tuple[str, ...] = ()  # users, items: sides whose cold nodes are a share of the test worth reporting
    trials: Sequence[Trial] = ()  # what the pilot tried, and why it chose

    def record(self) -> TrainingRecord:
        """How the model was trained, for whoever saves it."""
        fits = {"fit": self.fit.history} | ({"refit": self.refit.history} if self.refit else {})
        return TrainingRecord(
            dump(self.experiment), self.metrics, self.timing, history_frame(fits), self.data.item_table
        )

    @property
    def interrupted(self) -> bool:
        """Whether Ctrl-C ended training or the refit."""
        return self.fit.interrupted or bool(self.refit and self.refit.interrupted)

    @property
    def tested_fit(self) -> Fit:
        """The fit whose model was tested, or would have been: the refit where there was one."""
        return self.refit or self.fit


class RunCallback(Callback):
    """A callback that also hears how a run starts and ends."""

    @property
    def checkpoint_folder(self) -> Path | None:
        """Where checkpoints of the run go, once it has started; None: this callback knows no place."""
        return None

    def on_run_start(self, experiment: Experiment, data: Dataset) -> None:
        """Data is ready, training is about to start."""

    def on_refit_start(self) -> None:
        """What follows is the refit on training and validation rows."""

    def on_run_end(self, outcome: Outcome) -> None:
        """The run is over, perhaps earlier than planned (`Outcome.interrupted`)."""

    def on_run_error(self, error: BaseException) -> None:
        """The run failed; the error is raised afterwards."""


def find_checkpoints(
    callbacks: Sequence[RunCallback], experiment: Experiment, data: Dataset, phase: str, log: Callable[[str], None]
) -> Checkpoints | None:
    """The checkpoints of a phase (fit, refit) of a run, in the folder that a callback knows; None where none does."""
    folder, seconds = find_folder(callbacks), experiment.training.checkpoint_seconds
    if folder is None or seconds is None:
        return None
    return Checkpoints(folder / phase, identify(experiment, data, phase), seconds, log)


def find_folder(callbacks: Sequence[RunCallback]) -> Path | None:
    """The folder that a callback keeps the checkpoints of the run in; None where none does."""
    return next((each.checkpoint_folder for each in callbacks if each.checkpoint_folder), None)


def identify(experiment: Experiment, data: Dataset, phase: str) -> str:
    """What a phase (pilot, fit, refit) of a run is told by: config, data and its name, hashed."""
    return hashlib.sha256(f"{dump(experiment)}\n{data.fingerprint}\n{phase}".encode()).hexdigest()


def diff_settings(before: Experiment, after: Experiment) -> dict[str, object]:
    """What was selected on validation rows, by dotted key; without the switches of the selection itself."""
    old = flatten(before)
    changed = {key: value for key, value in flatten(after).items() if old.get(key) != value}
    return {key: value for key, value in changed.items() if key.rpartition(".")[2] not in ("grid", "tune_weights")}


def best_look(history: Sequence[Epoch], metric: str) -> dict[str, float]:
    """Test metrics of the epoch whose `metric` on test was best, and that epoch; empty where nobody looked."""
    looks = [record for record in history if record.test]
    if not looks:
        return {}
    best = max(looks, key=lambda record: record.test[metric])
    return {**best.test, "epoch": best.number}


def mean_speed(fitted: Fit) -> dict[str, float]:
    """Seconds of an epoch and interactions a second, averaged over the epochs."""
    history = fitted.history
    if not history:
        return {}
    return {
        "mean_epoch_seconds": sum(record.seconds for record in history) / len(history),
        "mean_interactions_per_second": sum(record.interactions_per_second for record in history) / len(history),
    }
