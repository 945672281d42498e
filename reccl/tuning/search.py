"""Search: trials one after another, or several at once, until the budget is spent."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any, TypeVar

from reccl import tracking
from reccl.config import Experiment, flatten
from reccl.errors import ConfigError, cut, describe_error
from reccl.signals import shield_from_signals
from reccl.training import Epoch
from reccl.tuning.space import expand
from reccl.tuning.study import Study
from reccl.tuning.trial import BROKEN_OFF, FAILED, PRUNED, RUNNING, Trial
from reccl.tuning.worker import Ending, Job, without_test_reads
from reccl.tuning.workers import Worker

if TYPE_CHECKING:
    import optuna

    from reccl.tracking import Run

T = TypeVar("T")


@dataclass(frozen=True)
class Limit:
    """When a study ends: what comes first, counted over all the times that it was gone on with."""

    trials: int
    seconds: float | None = None

    def allows(self, study: Study, running: int, wall_seconds: float) -> bool:
        """Whether another trial may begin."""
        counted = sum(trial.state not in (RUNNING, BROKEN_OFF) for trial in study.trials())
        return counted + running < self.trials and (self.seconds is None or wall_seconds < self.seconds)


@dataclass
class Attempt:
    """A trial that is being trained."""

    trial: "optuna.Trial"
    run: "Run | None"
    started: float = field(default_factory=time.monotonic)


@dataclass
class Search:
    """A study being run.

    Args:
        study: whose trials.
        experiment: the config, with its own values.
        job: what workers are sent first.
        parent: the id of the study's run in MLflow; empty: trials are not recorded there.
        say: hears a line of every trial that has ended.

    """

    study: Study
    experiment: Experiment
    job: Job
    parent: str
    say: Callable[[str], None]
    attempts: dict[Worker, Attempt] = field(default_factory=dict)
    idle: list[Worker] = field(default_factory=list)
    unrecorded: bool = False
    """Whether something could not be recorded in MLflow."""

    def run(self, limit: Limit, jobs: int) -> None:
        """Train until the limit; Ctrl-C breaks off the trials that run, and is raised."""
        before, began = self.study.wall_seconds, time.monotonic()
        with self.closing():
            try:
                while True:
                    wall = before + time.monotonic() - began
                    while len(self.attempts) < jobs and limit.allows(self.study, len(self.attempts), wall):
                        self.begin(jobs)
                    if not self.attempts:
                        return
                    by_channel: dict[Any, Worker] = {worker.channel: worker for worker in self.attempts}
                    for channel in wait(list(by_channel)):
                        self.hear(by_channel[channel])
                    self.study.wall_seconds = before + time.monotonic() - began
            finally:
                self.study.wall_seconds = before + time.monotonic() - began

    @contextmanager
    def closing(self) -> Iterator[None]:
        """Ends all workers; trials that still run are broken off."""
        try:
            yield
        finally:
            with shield_from_signals():
                for attempt in self.attempts.values():
                    self.study.fail(attempt.trial, "", time.monotonic() - attempt.started)
                    self.record_end(attempt, BROKEN_OFF)
                for worker in [*self.idle, *self.attempts]:
                    worker.close()

    def begin(self, jobs: int) -> None:
        """Send the next trial to a worker."""
        worker = self.idle.pop() if self.idle else Worker(self.job, self.study.folder / "workers.log", jobs)
        trial, values = self.study.ask()
        try:
            chosen = self.study.space.apply(self.experiment, values)
        except ConfigError as error:  # values that are good alone and not together
            self.idle.append(worker)
            attempt = Attempt(trial, self.record_start(trial, self.experiment, values))
            self.finish(attempt, Ending(error="; ".join(str(error).splitlines())))
            return
        self.attempts[worker] = Attempt(trial, self.record_start(trial, chosen, values))
        worker.channel.send(without_test_reads(chosen))

    def hear(self, worker: Worker) -> None:
        """One message of a worker: an epoch, or how its trial has ended."""
        attempt = self.attempts[worker]
        try:
            message = worker.channel.recv()
        except (EOFError, OSError):
            del self.attempts[worker]
            self.finish(attempt, Ending(seconds=time.monotonic() - attempt.started, error=worker.reason()))
            return
        if isinstance(message, Epoch):
            with suppress(OSError):  # it has ended, as the next message says
                worker.channel.send(self.judge(attempt, message))
            if run := attempt.run:  # while it trains the next one
                self.recorded(lambda: run.epoch(message, self.experiment.training.metric))
        elif isinstance(message, Ending):
            del self.attempts[worker]
            self.idle.append(worker)
            self.finish(attempt, message)

    def judge(self, attempt: Attempt, epoch: Epoch) -> bool:
        """Whether a trial goes on: not where it is worse than most were at this epoch."""
        value = epoch.validation.get(self.experiment.training.metric)
        if value is None:
            return True
        with shield_from_signals():
            attempt.trial.report(value, epoch.number)
            return not attempt.trial.should_prune()

    def finish(self, attempt: Attempt, ending: Ending) -> None:
        """Keep what came of a trial."""
        metric, study = self.experiment.training.metric, self.study
        value = ending.metrics.get(metric)
        with shield_from_signals():
            if ending.pruned:
                study.prune(attempt.trial, ending.epochs, ending.seconds)
            elif ending.error or value is None or value != value:
                study.fail(attempt.trial, cut(ending.error, 1000) or f"{metric} is {value}", ending.seconds)
            else:
                study.complete(attempt.trial, value, ending.best_epoch, ending.epochs, ending.seconds)
            found = next(trial for trial in study.trials() if trial.number == attempt.trial.number)
            self.record_end(attempt, found.state, found)
        self.say(describe(found, metric))

    def record_start(self, trial: "optuna.Trial", chosen: Experiment, values: dict[str, Any]) -> "Run | None":
        """A run in MLflow for a trial."""
        if not self.parent:
            return None
        name = f"{self.study.name}-trial-{trial.number}"
        return self.recorded(lambda: tracking.start_trial(self.parent, name, flatten(chosen), expand(values)))

    def record_end(self, attempt: Attempt, state: str, found: Trial | None = None) -> None:
        """Its end there."""
        if (run := attempt.run) is None:
            return
        metrics: dict[str, float] = {}
        if found is not None:
            metrics["time/train_seconds"] = found.seconds
            if found.value is not None:
                best = f"validation_best/{self.experiment.training.metric}"
                metrics |= {best: found.value, "best_epoch": found.best_epoch}
        self.recorded(lambda: tracking.end_trial(run, state, metrics, found.error if found else ""))

    def recorded(self, write: Callable[[], T]) -> T | None:
        """What MLflow is told; where it cannot be told, the study goes on, since it keeps its trials itself."""
        try:
            with shield_from_signals():
                return write()
        except Exception as error:
            if not self.unrecorded:
                self.say(f"cannot record trials in MLflow: {describe_error(error, where=False)}; the study goes on")
            self.unrecorded = True
            return None


def describe(trial: Trial, metric: str) -> str:
    """A trial that has ended in one line.

    >>> describe(Trial(3, {"encoder.layers": 2}, "complete", 0.27, 85, 115, 31.4), "ndcg_at_10")
    'trial 3: ndcg_at_10 0.2700, best epoch 85 of 115, 31 s'
    """
    name = f"trial {trial.number}{' (the config as it is)' * trial.default}"
    after = f", {trial.seconds:.0f} s"
    if trial.state == FAILED:
        return f"{name}: failed: {trial.error}"
    if trial.state == PRUNED:
        return f"{name}: pruned after epoch {trial.epochs} at {metric} {trial.value or 0:.4f}{after}"
    best = f", best epoch {trial.best_epoch} of {trial.epochs}" if trial.best_epoch else ""
    return f"{name}: {metric} {trial.value or 0:.4f}{best}{after}"
