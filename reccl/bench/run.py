"""Run: one row of the bench as a `reccl train` of its own, so that memory is its own, and failing ends it alone."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field

from reccl.bench.rows import Row, Task
from reccl.tracking import PARENT

RECCL = (sys.executable, "-P", "-m", "reccl")
"""As the command `reccl`: -P keeps modules of the current folder from shadowing installed ones."""


@dataclass(frozen=True)
class Result:
    """What came of a row."""

    task: Task
    row: Row
    run: str = ""
    test: Mapping[str, float] = field(default_factory=dict)
    best_on_test: Mapping[str, float] = field(default_factory=dict)
    time: Mapping[str, float] = field(default_factory=dict)
    split: str = ""
    """`SplitDigest.test` of the data it was measured on."""
    error: str = ""
    """Why there is none of these; empty where there is."""

    def seconds(self) -> tuple[float, float, float]:
        """Of preparation (or of reading what was prepared before), of training with its refit, and of evaluation."""
        prepare, train, refit, evaluate = (
            self.time.get(f"{part}_seconds", 0.0) for part in ("prepare", "train", "refit", "evaluate")
        )
        return prepare, train + refit, evaluate


def command(task: Task, row: Row, device: str = "auto") -> list[str]:
    """The words after `reccl` that run the row by hand."""
    settings = [word for setting in (*task.settings(), *row.settings) for word in ("--set", setting)]
    return ["train", "--config", row.config, *settings, *(() if device == "auto" else ("--device", device))]


def run(task: Task, row: Row, *, device: str, parent: str) -> Result:
    """Train, measure and record the row as a child of the run `parent`; Ctrl-C lets it record its end."""
    words = [*RECCL, *command(task, row, device), "--json", "--quiet"]
    done = run_command(words, {**os.environ, PARENT: parent})
    if done.returncode:
        return Result(task, row, error=reason(done))
    (outcome,) = json.loads(done.stdout)
    return Result(
        task, row, outcome["run"], outcome["test"], outcome["best_on_test"], outcome["time"], outcome["split"]
    )


def run_command(words: list[str], environment: Mapping[str, str]) -> "subprocess.CompletedProcess[str]":
    """Run a command and keep what it says. Unlike subprocess.run, Ctrl-C asks it to end and waits until it has."""
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment) as process:
        try:
            answer, told = process.communicate()
        except KeyboardInterrupt:
            process.send_signal(signal.SIGINT)
            process.communicate()
            raise
    return subprocess.CompletedProcess(words, process.returncode, answer, told)


def reason(done: "subprocess.CompletedProcess[str]") -> str:
    """One line about a training that failed."""
    if done.returncode < 0:
        name = signal.Signals(-done.returncode).name
        return f"ended by {name}" + ("; out of memory?" if name == "SIGKILL" else "")
    told = [line for line in done.stderr.splitlines() if line.strip()] or [f"exit code {done.returncode}"]
    errors = [line for line in told if line.startswith("error: ")]
    return (errors or told)[-1].removeprefix("error: ")
