"""Worker: a process that trains cells, so that a cell that fails, or is killed for its memory, ends alone."""

from __future__ import annotations

import os
import signal
from dataclasses import dataclass
from multiprocessing.connection import Connection
from typing import TYPE_CHECKING

from reccl.config import Experiment
from reccl.errors import RecclError, describe_error
from reccl.signals import end_on_signals
from reccl.studies.cell import Cell, CellResult
from reccl.studies.load import Study
from reccl.tuning.space import expand
from reccl.tuning.worker import quiet

if TYPE_CHECKING:
    from reccl.data.dataset import Dataset

CODE = "from reccl.studies.worker import main; main()"


@dataclass(frozen=True)
class Job:
    """What all cells of a study have in common."""

    study: Study
    device: str
    parent: str
    """Id of the study's run in MLflow."""


def settle(study: Study, cell: Cell) -> Experiment:
    """The experiment of a cell, with the values that its tuning has found. Raises ConfigError."""
    group = cell.group
    return study.experiment(group.data, group.method, group.split, cell.seed, expand(cell.values))


class Bench:
    """Trains one cell after the other, and keeps the data of the last one."""

    def __init__(self, job: Job) -> None:
        self.job = job
        self.data: Dataset | None = None

    def train(self, cell: Cell) -> CellResult:
        """Train, test and record a cell. Errors are part of what comes of it."""
        try:
            return self.run(cell)
        except RecclError as error:
            return CellResult(error="; ".join(str(error).splitlines()))
        except EOFError:
            raise
        except Exception as error:
            return CellResult(error=describe_error(error))

    def run(self, cell: Cell) -> CellResult:
        """The same; errors are raised."""
        from reccl.data.prepare import prepare
        from reccl.experiment import run
        from reccl.tracking import Tracker

        experiment, metrics = settle(self.job.study, cell), self.job.study.settings.metrics
        if self.data is None or self.data.settings != experiment.data:
            self.data = None
            self.data = prepare(experiment.data, lambda _: None)
        split = "" if cell.group.split is None else f"-split-{cell.group.split}"
        suffix = f"-{cell.group.data}{split}-seed-{cell.seed}"
        tracker = Tracker(parent=self.job.parent, suffix=suffix, plots=False)
        outcome = run(experiment, self.data, device=self.job.device, callbacks=[tracker])
        if outcome.test_result is None:
            return CellResult(error=f"the split of {cell.group.data} has no test rows", run=tracker.run_id)
        if missing := [name for name in metrics if name not in outcome.metrics["test"]]:
            return CellResult(error=f"{missing[0]} was not measured on test rows", run=tracker.run_id)
        return CellResult(
            dict(outcome.metrics["test"]),
            dict(outcome.timing),
            self.data.fingerprint,
            self.data.digest.test,
            len(self.data.test) / max(1, len(self.data.train) + len(self.data.validation)),
            tracker.run_id,
            outcome.test_result.to_frame(self.data.user_ids),
        )


def serve(channel: Connection[object, object]) -> None:
    """Train what is sent until nothing more is."""
    try:
        job = channel.recv()
        assert isinstance(job, Job)
        bench = Bench(job)
        channel.send("ready")
        while True:
            cell = channel.recv()
            assert isinstance(cell, Cell)
            with quiet():
                result = bench.train(cell)
            channel.send(result)
    except (EOFError, BrokenPipeError):
        return


def main() -> None:
    """Run as a process; the study's end of the channel is a file descriptor that it inherits."""
    import sys

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_on_signals()
    os.environ.pop("RECCL_PARENT_RUN", None)
    serve(Connection(int(sys.argv[1])))
