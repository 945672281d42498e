"""Worker: a process that trains what it is sent, and asks after every epoch whether to go on.

Nothing that a trial does, a kill for its memory included, ends the study; and no trial has test rows, since a worker is
sent none.
"""

import os
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection

from typing_extensions import override

from reccl.config import Experiment
from reccl.data.dataset import Dataset
from reccl.data.settings import Data
from reccl.errors import RecclError, describe_error
from reccl.outcome import RunCallback
from reccl.training import Epoch


@dataclass(frozen=True)
class Job:
    """What all trials have in common."""

    data: Dataset
    device: str


@dataclass(frozen=True)
class Ending:
    """What came of a trial."""

    metrics: dict[str, float] = field(default_factory=dict)  # on validation rows
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    pruned: bool = False
    error: str = ""


class PrunedError(Exception):
    """The study has told this trial to stop."""


class Report(RunCallback):
    """Sends every epoch, and waits to hear whether there is another."""

    def __init__(self, channel: "Connection[object, object]") -> None:
        self.channel, self.epochs = channel, 0

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        self.epochs = record.number
        self.channel.send(record)
        if not self.channel.recv():
            raise PrunedError


def without_test(data: Dataset) -> Dataset:
    """The data as trials have it: no test rows, and settings that can be sent to another process."""
    return replace(data, test=data.test.clear(), settings=data.settings and plain(data.settings))


def without_test_reads(experiment: Experiment) -> Experiment:
    """The experiment as a trial: it is over once it is validated."""
    training = experiment.training.model_copy(update={"refit": False, "best_on_test": False})
    return experiment.model_copy(update={"training": training, "data": plain(experiment.data)})


def plain(settings: Data) -> Data:
    """The data section without its pipeline's arguments: classes of pipelines are made as they are loaded."""
    return Data.model_construct(**{name: getattr(settings, name) for name in Data.model_fields})


def train_trial(experiment: Experiment, job: Job, channel: "Connection[object, object]") -> Ending:
    """Train and validate one trial. Errors are part of what comes of it."""
    from reccl.experiment import run

    started, report = time.perf_counter(), Report(channel)
    try:
        outcome = run(experiment, job.data, device=job.device, callbacks=[report])
    except PrunedError:
        return Ending(epochs=report.epochs, seconds=time.perf_counter() - started, pruned=True)
    except RecclError as error:
        said = "; ".join(str(error).splitlines())
    except EOFError:
        raise
    except Exception as error:
        said = describe_error(error)
    else:
        seconds = time.perf_counter() - started
        return Ending(dict(outcome.metrics["validation"]), outcome.fit.best_epoch, report.epochs, seconds)
    return Ending(epochs=report.epochs, seconds=time.perf_counter() - started, error=said)


def serve(channel: "Connection[object, object]") -> None:
    """Train what is sent until nothing more is."""
    try:
        job = channel.recv()
        assert isinstance(job, Job)
        channel.send("ready")
        while True:
            experiment = channel.recv()
            assert isinstance(experiment, Experiment)
            with quiet():
                ending = train_trial(experiment, job, channel)
            channel.send(ending)
    except (EOFError, BrokenPipeError):
        return


@contextmanager
def quiet() -> Iterator[None]:
    """What a trial prints goes to standard error, which the study keeps."""
    before, sys.stdout = sys.stdout, sys.stderr
    try:
        yield
    finally:
        sys.stdout = before


def main() -> None:
    """Run as a process; the study's end of the channel is a file descriptor that it inherits."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    os.environ.pop("RECCL_PARENT_RUN", None)
    serve(Connection(int(sys.argv[1])))
