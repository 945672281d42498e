"""Unrecorded: results that MLflow could not take, and how they get there later."""

import os
import re
import shutil
from contextlib import suppress
from pathlib import Path
from tempfile import gettempdir

import mlflow
from mlflow.tracking import MlflowClient
from safetensors import SafetensorError

from reccl.errors import RunError
from reccl.outcome import Outcome
from reccl.recommend.record import CONFIG
from reccl.tracking.environment import version_of
from reccl.tracking.liveness import checkpoint_folder, hold
from reccl.tracking.results import (
    MANIFEST,
    MODEL,
    Results,
    read_results,
    record_results,
    without_credentials,
    write_results,
)
from reccl.tracking.run import Run
from reccl.tracking.store import client, describe, exists, experiment_id, folder, store, store_errors

UNRECORDED = "reccl-unrecorded"
"""The folder, in the one where training was started, of results that MLflow could not take."""


def write_where_possible(outcome: Outcome, run_id: str, checkpoints: Path | None) -> Path:
    """The results in a folder: beside the checkpoints, where the disk takes them, else here, else in TMPDIR."""
    places = [Path(UNRECORDED) / run_id, Path(gettempdir()) / run_id]
    problems = []
    for place in [checkpoints / "results", *places] if checkpoints else places:
        try:
            shutil.rmtree(place, ignore_errors=True)
            write_results(outcome, run_id, place)
        except (OSError, SafetensorError) as error:
            problems.append(f"{place}: {describe(error)}")
            shutil.rmtree(place, ignore_errors=True)
        else:
            return place
    resume = f", then reccl train --resume {run_id[:8]}" if checkpoints else ""
    raise RunError(f"the results cannot be written anywhere ({'; '.join(problems)}): make room{resume}")


def keep_unrecorded(results: Path, name: str, run_id: str) -> Path:
    """Move results to where people see them, ./reccl-unrecorded/NAME-ID; where that fails they stay."""
    target = Path(UNRECORDED) / f"{re.sub(r'[^-.+=@ -~]|[/]', '_', name)[:80]}-{run_id[:8]}"
    try:
        target.parent.mkdir(exist_ok=True)
        shutil.rmtree(target, ignore_errors=True)
        shutil.move(results, target)
    except OSError:
        return results
    return target


def find_unrecorded() -> list[Path]:
    """Folders of results that wait here: in ./reccl-unrecorded, and beside checkpoints."""
    places = [*Path(UNRECORDED).glob("*"), *(folder() / "checkpoints").glob("*/results")]
    return sorted(place for place in places if (place / MANIFEST).is_file())


def sync(results: Path) -> str:
    """Record results in the store that their run belongs to, and remove them; the id of the run.

    Where the store has lost the run, a new one is made. Raises RunError where the store is another one, or cannot be
    used, or the process that trained is still recording.
    """
    about, lock = read_results(results), None
    if about.store != without_credentials(store()) and not is_held(about.run):
        raise RunError(f"{results} belongs to the run store {about.store}: set MLFLOW_TRACKING_URI to it, then sync")
    with suppress(OSError):  # BlockingIOError, where its process holds it
        lock = hold(about.run)
    if lock is None and results.is_relative_to(checkpoint_folder(about.run)):
        raise RunError(f"run {about.run} is still being recorded")
    api = client()
    try:
        with store_errors():
            run_id = about.run if exists(api, about.run) else begin_anew(api, about, results)
            mlflow.start_run(run_id=run_id, log_system_metrics=False)
            try:
                record_results(results, Run.reopen(run_id, api))
            finally:
                mlflow.end_run("FAILED")  # where it has not ended as it should
    finally:
        if lock is not None:
            os.close(lock)
    shutil.rmtree(results, ignore_errors=True)
    if about.status == "FINISHED":
        shutil.rmtree(checkpoint_folder(about.run), ignore_errors=True)
    return run_id


def is_held(run_id: str) -> bool:
    """Whether the store can be used and holds the run: it may have moved, or have another address now."""
    try:
        with store_errors():
            return exists(client(), run_id)
    except RunError:
        return False


def begin_anew(api: MlflowClient, about: Results, results: Path) -> str:
    """A new run with the name, parameters and config of one that the store has lost."""
    tags = {"reccl.name": about.name, "reccl.version": version_of("reccl")}
    run = Run(api.create_run(experiment_id(api), run_name=about.name, tags=tags).info.run_id, api)
    run.params(about.params)
    run.text("config.yaml", (results / MODEL / CONFIG).read_text())
    return run.id
