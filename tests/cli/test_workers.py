"""`reccl train --workers`: a rank that is killed ends a real training, with one line and its exit code."""

import json
import os
import signal
import sys
from pathlib import Path

import pytest

from tests.cli.test_signals import EPOCHS, wait_for
from tests.robustness.killing import Training, started

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="ranks are found in /proc")


def ranks_of(training: Training) -> dict[int, int]:
    """Rank -> process id."""
    pid = training.process.pid
    children = Path(f"/proc/{pid}/task/{pid}/children").read_text().split()
    known = {}
    for child in children:
        variables = dict(word.partition("=")[::2] for word in Path(f"/proc/{child}/environ").read_text().split("\0"))
        if "RANK" in variables:
            known[int(variables["RANK"])] = int(child)
    return known


def are_gone(processes: dict[int, int]) -> bool:
    return not any(Path(f"/proc/{pid}").exists() for pid in processes.values())


def test_a_killed_rank_ends_all(fresh) -> None:
    with started(fresh.folder, "--config", "planted.yaml", *EPOCHS, "--workers", "2") as training:
        wait_for(training, lambda: training.phase() == "fit")
        ranks = ranks_of(training)
        assert sorted(ranks) == [0, 1]
        os.kill(ranks[1], signal.SIGKILL)
        assert training.end() == 137
    errors = [line for line in training.said().splitlines() if line.startswith("error:")]
    assert errors == ["error: rank 1 was ended by SIGKILL (out of memory?), and with it all others"]
    assert are_gone(ranks)
    assert "in 2 processes of" in next(line for line in training.said().splitlines() if line.startswith("memory:"))
    (run,) = json.loads(fresh("runs", "--json").out)
    assert run["status"] in ("KILLED", "FAILED")


def test_what_all_ranks_hold_together_is_refused_in_a_line(fresh) -> None:
    limited = "--config", "planted.yaml", *EPOCHS, "--workers", "2", "--memory-limit", "700MiB"
    with started(fresh.folder, *limited) as training:
        assert training.end() == 1
    (error,) = [line for line in training.said().splitlines() if line.startswith("error:")]
    assert "in 2 processes, and 0.7 GiB are allowed" in error
    assert json.loads(fresh("runs", "--json").out) == []
