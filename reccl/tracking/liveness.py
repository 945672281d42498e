"""Liveness: whether the process that records a run is still there; runs of dead ones are marked KILLED."""

import os
import shutil
import socket
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from reccl.atomic import lock
from reccl.tracking.store import client, folder
from reccl.tracking.stored_run import StoredRun
from reccl.tracking.tags import HOST, PROCESS

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun
    from mlflow.tracking import MlflowClient

LOCK = "lock"


def checkpoint_folder(run_id: str) -> Path:
    """Where the checkpoints of a run are, on the machine that trains it: below ./mlruns, whatever the store."""
    return folder() / "checkpoints" / run_id


def has_checkpoint(run_id: str) -> bool:
    """Whether there is something that a resumed run goes on from."""
    place = checkpoint_folder(run_id)
    if not run_id or not place.is_dir():
        return False
    from reccl.training.checkpoints import newest_first

    return any(newest_first(phase) for phase in place.iterdir() if phase.is_dir())


def hold(run_id: str) -> int:
    """Make the checkpoint folder of a run and lock it for this process, until the descriptor is closed.

    Raises BlockingIOError where another process holds it, another OSError where there can be no such folder or lock.
    """
    place = checkpoint_folder(run_id)
    place.mkdir(parents=True, exist_ok=True)
    (place / LOCK).touch()
    return lock(place / LOCK)


def process_tags() -> dict[str, str]:
    """Tags that say which process records a run."""
    return {HOST: socket.gethostname(), PROCESS: f"{os.getpid()} {read_start_time(os.getpid())}".strip()}


def read_start_time(pid: int) -> str:
    """What tells a process from others with the same number: the system's boot, the container, when it began.

    Empty where the system does not say (other than Linux), or there is no such process.
    """
    try:
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
        container = Path("/proc/self/ns/pid").readlink().name
        begun = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19]
    except OSError:
        return ""
    return f"{boot} {container} {begun}"


def is_abandoned(run: "MlflowRun | StoredRun") -> bool:
    """Whether a run is said to be running and its process is known to be gone."""
    tags = run.data.tags
    if run.info.status != "RUNNING" or tags.get(HOST) != socket.gethostname() or PROCESS not in tags:
        return False
    place = checkpoint_folder(run.info.run_id) / LOCK
    if place.exists():
        try:
            os.close(lock(place))
        except BlockingIOError:
            return False
        except OSError:
            pass  # no locks here: ask for the process
        else:
            return True
    pid, *about = tags[PROCESS].split()
    mine = read_start_time(os.getpid()).split()
    if not about or not mine:
        return not alive(int(pid))
    if mine[:2] != about[:2]:
        return mine[0] != about[0]  # the machine was started anew; another container's processes are not seen here
    return read_start_time(int(pid)).split() != about


def alive(pid: int) -> bool:
    """Whether there is a process of this number."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def running(api: "MlflowClient", experiment: str) -> "list[MlflowRun]":
    """The runs of an MLflow experiment that are said to be running."""
    return list(api.search_runs([experiment], "attributes.status = 'RUNNING'", max_results=1000))


def tidy(runs: "Sequence[MlflowRun | StoredRun]") -> "list[MlflowRun | StoredRun]":
    """Mark abandoned runs KILLED, and remove what killed processes left of finished runs; the runs as they are now."""
    tidied: list[MlflowRun | StoredRun] = []
    for run in runs:
        if is_abandoned(run):
            with suppress(Exception):  # a store that may only be read
                api = client()
                api.set_terminated(run.info.run_id, "KILLED")
                run = api.get_run(run.info.run_id)
        elif run.info.status == "FINISHED" and (place := checkpoint_folder(run.info.run_id)).is_dir():
            with suppress(OSError):
                descriptor = hold(run.info.run_id)
                shutil.rmtree(place, ignore_errors=True)
                os.close(descriptor)
        tidied.append(run)
    return tidied
