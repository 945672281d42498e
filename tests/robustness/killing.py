"""Killing: real processes of `reccl train`, killed at a moment of a phase, which is told by what is on the disk."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from random import Random

import reccl

PHASES = ("start", "fit", "evaluation", "refit", "recording")
REFIT_LINE = "refit on train and validation rows"


def environment() -> dict[str, str]:
    """The environment of a process that runs the package under test."""
    return {**os.environ, "PYTHONPATH": str(Path(reccl.__file__).parents[1])}


@contextmanager
def started(folder: Path, *words: str) -> Iterator["Training"]:
    """`reccl train WORDS` in a process of its own; it is gone when the block ends."""
    runs = folder / "mlruns" / "checkpoints"
    place, before = (runs / words[-1], set[Path]()) if "--resume" in words else (None, set(runs.glob("*")))
    with (folder / "said.txt").open("w") as said:
        command, began = [sys.executable, "-m", "reccl", "train", *words], time.time()
        process = subprocess.Popen(command, cwd=folder, env=environment(), stdout=said, stderr=said)
    try:
        yield Training(process, folder, before, began, place)
    finally:
        process.kill()
        process.wait()


@dataclass
class Training:
    """A training in another process."""

    process: "subprocess.Popen[bytes]"
    folder: Path
    before: set[Path]  # folders of checkpoints of earlier runs
    began: float
    place: Path | None  # of its checkpoints, once it is known

    def said(self) -> str:
        """What it printed so far."""
        return (self.folder / "said.txt").read_text()

    def phase(self) -> str:
        """The phase that it is in, or was in when it was killed."""
        if self.place is None:
            self.place = next(iter(set((self.folder / "mlruns" / "checkpoints").glob("*")) - self.before), None)
        if self.place is not None and not self.place.exists():
            return "recording"  # which ends with the removal of the checkpoints
        if self.place is None or not self.wrote(self.place / "lock"):
            return "start"
        if self.wrote(self.place / "results" / "run.json"):
            return "recording"
        if REFIT_LINE in self.said():
            return "evaluation" if (self.place / "refit" / "finished").exists() else "refit"  # that of the test rows
        if (self.place / "fit" / "finished").exists():
            return "evaluation"  # of the validation rows
        return "fit" if any((self.place / "fit").glob("[!.]*")) else "start"

    def wrote(self, path: Path) -> bool:
        """Whether it has written a file, rather than one that was killed before it."""
        try:
            return path.stat().st_mtime >= self.began - 0.01  # the system's clock for files is coarse
        except FileNotFoundError:
            return False

    def kill_in(self, phase: str, seconds: float, random: Random) -> str | None:
        """Kill it at a moment of a phase that takes about so many seconds: the phase it was in; None: it had ended."""
        of_test, seen = phase == "evaluation" and random.random() < 0.5, set[str]()  # else of the validation rows
        while self.process.poll() is None:
            now = self.phase()
            seen.add(now)
            reached = PHASES.index(now) >= PHASES.index(phase)
            if (now != "refit" and "refit" in seen) or now == "recording" if of_test else reached:
                break
            time.sleep(0.0005)
        time.sleep(random.uniform(0, seconds))
        self.process.send_signal(signal.SIGKILL)
        return self.phase() if self.process.wait(60) == -signal.SIGKILL else None

    def end(self) -> int:
        """Wait for it: its exit code."""
        return self.process.wait(300)
