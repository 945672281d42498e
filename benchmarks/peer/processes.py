"""Processes: a peer's methods, each in a process of its own, in a Python that has the library; what is done is kept."""

import json
import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from method import Method
from protocol import Protocol
from worker import load

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS", "LK_NUM_THREADS")


@dataclass(frozen=True)
class Budget:
    """What every process has."""

    threads: int
    minutes: float | None  # None: no limit


@dataclass(frozen=True)
class Peer:
    """A library: its file, and the Python that has it."""

    name: str
    module: Path
    python: str  # empty: nowhere
    version: str
    missing: str  # why it is nowhere

    @property
    def methods(self) -> Mapping[str, Method]:
        """Its methods by name."""
        found: Mapping[str, Method] = load(self.module).METHODS
        return found


@dataclass(frozen=True)
class Fitted:
    """What a process came to."""

    lists: Sequence[np.ndarray | None]  # of every setting: [n, k] row numbers, -1 where a list ends; None: it failed
    done: Sequence[Mapping[str, Any]]  # of every setting: fit_s, score_s or error
    peak_gib: float


def find_peer(name: str, pythons: Sequence[str], budget: Budget) -> Peer:
    """A library by name (`implicit`), or a file of one's own like those here; by the first Python that has it."""
    module = (HERE / f"from_{name}.py") if not name.endswith(".py") else Path(name).resolve()
    if not module.exists():
        known = ", ".join(sorted(path.stem.removeprefix("from_") for path in HERE.glob("from_*.py")))
        sys.exit(f"no peer {name!r}: there are {known}, or name a file of your own, such as my_peer.py")
    reason = ""
    for python in pythons:
        asked = run([python, "worker.py", str(module)], budget)
        if asked.returncode == 0:
            return Peer(module.stem.removeprefix("from_"), module, python, asked.stdout.strip().splitlines()[-1], "")
        reason = reason or (asked.stderr.strip().splitlines() or [f"{python} ended with {asked.returncode}"])[-1]
    return Peer(module.stem.removeprefix("from_"), module, "", "", reason)


def fit(
    peer: Peer,
    method: str,
    settings: Sequence[Mapping[str, Any]],
    protocol: Protocol,
    folder: Path,
    *,
    final: bool,
    seed: int,
    budget: Budget,
) -> Fitted:
    """Fit every setting in one process; kept in `folder`, where the same has been done before, it is read from there.

    A process that takes longer than the budget is ended, and what it has done by then counts.
    """
    folder.mkdir(parents=True, exist_ok=True)
    out = folder / "fitted"
    task = {
        "module": str(peer.module),
        "method": method,
        "settings": [dict(each) for each in settings],
        "rows": str(protocol.rows),
        "final": final,
        "seed": seed,
        "threads": budget.threads,
        "k": protocol.k,
    }
    told = json.dumps({**task, "version": peer.version, "minutes": budget.minutes}, indent=2)
    finished = folder / "finished.json"
    if not (finished.exists() and finished.read_text() == told):
        for old in folder.iterdir():
            old.unlink()
        (folder / "task.json").write_text(json.dumps({**task, "out": str(out)}))
        done = run([peer.python, "worker.py", str(folder / "task.json")], budget)
        (folder / "log.txt").write_text(done.stdout + done.stderr)
        if out.with_suffix(".json").exists():
            finished.write_text(told)
        else:
            last = (done.stderr.strip().splitlines() or [f"ended with {done.returncode}"])[-1]
            return Fitted([None], [{"error": last}], 0.0)
    about = json.loads(out.with_suffix(".json").read_text())
    with np.load(out.with_suffix(".npz")) as held:
        lists = [held[name] if (name := f"lists_{place}") in held else None for place in range(len(about["done"]))]
    return Fitted(lists, about["done"], about["peak_gib"])


def run(command: Sequence[str], budget: Budget) -> "subprocess.CompletedProcess[str]":
    """Run a worker in this folder, within the budget."""
    environment = {**os.environ, **dict.fromkeys(THREADS, str(budget.threads)), "RECCL_ENERGY": "0"}
    environment["PYTHONPATH"] = str(ROOT) if command[0] == sys.executable else ""
    limit = None if budget.minutes is None else 60 * budget.minutes
    options: dict[str, Any] = {"capture_output": True, "text": True, "env": environment, "cwd": HERE}
    try:
        return subprocess.run(command, timeout=limit, check=False, **options)
    except subprocess.TimeoutExpired:
        return subprocess.CompletedProcess(command, 1, "", f"took more than {budget.minutes:g} minutes")
    except OSError as error:
        return subprocess.CompletedProcess(command, 1, "", f"{command[0]}: {error.strerror}")
