"""Tracker: records a run in MLflow as it goes."""

import os
import shutil
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path

from typing_extensions import override

from reccl.config import Experiment, dump, flatten
from reccl.data.dataset import Dataset
from reccl.outcome import Outcome, RunCallback
from reccl.signals import shield_from_signals
from reccl.tracking.find import AnyRun, hold_unfinished
from reccl.tracking.liveness import checkpoint_folder, has_checkpoint, hold, running, tidy
from reccl.tracking.results import FILES, record_results
from reccl.tracking.run import Run
from reccl.tracking.start import check_start, reopen_run, start_run
from reccl.tracking.store import describe, experiment_id
from reccl.tracking.unrecorded import keep_unrecorded, write_where_possible
from reccl.training import Epoch

SWITCH = "RECCL_PLOTS"
"""Environment variable: 0 draws no plots, whatever a command says."""
RETRY = 60.0
"""Seconds until recording an epoch is tried again where it has failed."""


class Tracker(RunCallback):
    """A run in MLflow: config, data and environment at the start, every epoch, metrics and model at the end.

    An error marks the run FAILED; Ctrl-C and SIGTERM mark it KILLED. A refit's epochs are not recorded. A store that
    can no longer be written to does not end training: the results then stay in a folder (`unrecorded`).

    Args:
        resume: a run that another process began (`find_unfinished`), to be gone on with.
        log: hears of what cannot be recorded.
        parent: the id of a run that this one is a child of; empty: RECCL_PARENT_RUN, where it is set.
        suffix: what the run's name ends with, beside that of its config.
        plots: whether plots are drawn, which takes a second or two; RECCL_PLOTS=0 draws none.
        warm_start: the id of the run whose parameters training begins with; empty: none.

    Raises RunError where the store cannot be used.

    """

    def __init__(
        self,
        resume: AnyRun | None = None,
        log: Callable[[str], None] = lambda _: None,
        *,
        parent: str = "",
        suffix: str = "",
        plots: bool = True,
        warm_start: str = "",
    ) -> None:
        if resume is None:
            check_start()
        self.resume, self.log, self.parent, self.suffix = resume, log, parent, suffix
        self.plots = plots and os.environ.get(SWITCH) != "0"
        self.warm_start = warm_start
        self.chosen_by = ""  # the metric that the epoch is chosen by
        self.run: Run | None = None
        self.refitting = False
        self.lock: int | None = None
        self.pending: list[Epoch] = []  # epochs that are not recorded yet
        self.retry_at = 0.0
        self.ended = False
        self.unrecorded: Path | None = None
        """Where the results are, if they could not be recorded."""

    @property
    def run_id(self) -> str:
        """The MLflow id of the run; empty before it starts."""
        return self.run.id if self.run else ""

    @property
    @override
    def checkpoint_folder(self) -> Path | None:
        return None if self.lock is None else checkpoint_folder(self.run_id)

    @override
    def on_run_start(self, experiment: Experiment, data: Dataset) -> None:
        self.chosen_by = experiment.training.metric
        with shield_from_signals():
            if self.resume is None:
                about = dump(experiment), flatten(experiment), data
                self.run = start_run(
                    experiment.name, *about, parent=self.parent, suffix=self.suffix, warm_start=self.warm_start
                )
                try:
                    self.lock = hold(self.run_id)
                except OSError as error:
                    self.log(f"no checkpoints: {describe(error)}")
            else:
                self.lock = hold_unfinished(self.resume)
                self.run = reopen_run(self.resume, dump(experiment), flatten(experiment), data)
        with suppress(Exception):
            tidy(running(self.run.api, experiment_id(self.run.api)))

    @override
    def on_refit_start(self) -> None:
        self.refitting = True

    @override
    def on_fit_resume(self, history: Sequence[Epoch], best_epoch: int) -> None:
        if not self.refitting:
            self.pending += history
            self.record_epochs()

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        if not self.refitting:
            self.pending.append(record)
            self.record_epochs()

    def record_epochs(self) -> None:
        """Record what is not recorded yet; where that fails, try again after a minute."""
        if self.run is None or time.monotonic() < self.retry_at:
            return
        try:
            while self.pending:
                with shield_from_signals():
                    self.run.epoch(self.pending[0], self.chosen_by)
                del self.pending[0]
        except Exception as error:
            if not self.retry_at:
                self.log(f"cannot record this epoch: {describe(error)}; training goes on, and it is tried again")
            self.retry_at = time.monotonic() + RETRY

    @override
    def on_run_end(self, outcome: Outcome) -> None:
        assert self.run is not None, "on_run_start comes first"
        folder = write_where_possible(outcome, self.run.id, self.checkpoint_folder)
        if self.plots:
            self.draw(outcome, folder / FILES / "plots")
        try:
            record_results(folder, self.run)
        except Exception as error:
            self.unrecorded = keep_unrecorded(folder, outcome.experiment.name, self.run.id)
            self.log(f"cannot record the run: {describe(error)}")
            self.end("FAILED")
        else:
            self.ended = True
            shutil.rmtree(folder, ignore_errors=True)
            if not outcome.interrupted and self.lock is not None:
                shutil.rmtree(checkpoint_folder(self.run.id), ignore_errors=True)
        if outcome.interrupted:
            self.explain_resuming()
        self.release()

    def draw(self, outcome: Outcome, folder: Path) -> None:
        """The plots of the run; one that cannot be drawn ends nothing."""
        from reccl.tracking.pictures import draw_pictures

        try:
            draw_pictures(outcome, folder)
        except Exception as error:
            self.log(f"cannot draw the plots: {describe(error)}")

    @override
    def on_run_error(self, error: BaseException) -> None:
        self.end("KILLED" if isinstance(error, KeyboardInterrupt | SystemExit) else "FAILED")
        self.explain_resuming()
        self.release()

    def end(self, status: str) -> None:
        """Mark the run, where the store can be written to; else the next command that can does it."""
        if self.run and not self.ended:
            self.ended = True
            try:
                with shield_from_signals():
                    self.run.end(status)
            except Exception as error:
                self.log(f"cannot mark the run {status}: {describe(error)}")

    def explain_resuming(self) -> None:
        """Say how a run that has ended early goes on."""
        if has_checkpoint(self.run_id):
            self.log(f"its last checkpoint is kept: reccl train --resume {self.run_id[:8]} goes on from there")
        elif self.run:
            self.log(f"it had no checkpoint yet: reccl train --resume {self.run_id[:8]} starts it anew")

    def release(self) -> None:
        """Let others resume the run."""
        if self.lock is not None:
            os.close(self.lock)
            self.lock = None
