"""SIGTERM and a second Ctrl-C end a real training within seconds: the checkpoint is kept, and --resume goes on."""

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable

import pytest

from tests.robustness.killing import Training, started

EPOCHS = ("--set", "training.epochs=200", "--set", "training.checkpoint_seconds=0")
SECONDS = 15
"""Within so many seconds a training ends that is told to; a busy machine takes a few."""


def wait_for(training: Training, there: Callable[[], bool]) -> None:
    """Wait until something is there."""
    until = time.monotonic() + 120
    while not there():
        assert training.process.poll() is None, training.said()
        assert time.monotonic() < until, training.said()
        time.sleep(0.01)


def stop(training: Training, *numbers: int) -> int:
    """Send signals, one shortly after the other: the exit code."""
    for number in numbers:
        training.process.send_signal(number)
        time.sleep(0.2)
    try:
        return training.process.wait(SECONDS)
    except subprocess.TimeoutExpired:
        pytest.fail(training.said())


def test_a_training_that_is_ended_keeps_its_checkpoint_and_goes_on(fresh) -> None:
    with started(fresh.folder, "--config", "planted.yaml", *EPOCHS) as training:
        wait_for(training, lambda: training.phase() == "fit")
        assert stop(training, signal.SIGTERM) == 143
    (run,) = json.loads(fresh("runs", "--json").out)
    assert run["status"] == "KILLED"
    line = f"its last checkpoint is kept: reccl train --resume {run['id'][:8]} goes on from there"
    assert training.said().splitlines()[-1] == line
    with started(fresh.folder, "--resume", run["id"]) as training:
        wait_for(training, lambda: "resuming after epoch " in training.said())
        assert stop(training, signal.SIGINT, signal.SIGINT) == 130
    assert training.said().splitlines()[-1] == line
    assert json.loads(fresh("runs", "--json").out)[0]["status"] == "KILLED"
    answer = fresh("train", "--resume", "latest")
    assert answer.code == 0, answer.err
    assert "resuming after epoch " in answer.err
    assert [each["status"] for each in json.loads(fresh("runs", "--json").out)] == ["FINISHED"]


LATE = """
import atexit, os, signal, sys
atexit.register(os.kill, os.getpid(), signal.SIGINT)  # Ctrl-C while the interpreter shuts down
from reccl.cli.app import main
sys.argv = ["reccl", *sys.argv[1:]]
main()
"""


@pytest.mark.parametrize(("words", "code"), [(["--version"], 0), (["config", "show", "nothing"], 2)])
def test_ctrl_c_after_the_end_of_a_command_changes_nothing(words: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, "-c", LATE, *words], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "KeyboardInterrupt" not in done.stderr
