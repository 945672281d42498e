"""Find: recorded runs, by id or name, and what they hold."""

import json
from collections.abc import Callable
from pathlib import Path
from socket import gethostname
from typing import TYPE_CHECKING, Union

from reccl.errors import RunError, did_you_mean
from reccl.lazy import pl
from reccl.redaction import redact
from reccl.tracking.address import is_address, run_at
from reccl.tracking.artifacts import artifact_of
from reccl.tracking.database import read_runs
from reccl.tracking.liveness import checkpoint_folder, hold, tidy
from reccl.tracking.mlflow_when_used import mlflow
from reccl.tracking.moved import follow_folder
from reccl.tracking.store import (
    check_database,
    check_folder,
    client,
    database,
    experiment_id,
    experiment_name,
    folder,
    store,
    store_errors,
)
from reccl.tracking.stored_run import StoredRun
from reccl.tracking.tags import CONFIG_NAME, FINGERPRINT, FOLDER, HOST, INTERRUPTED, METRICS, MODEL_TAG, PROCESS

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

    from reccl.data.dataset import Dataset
    from reccl.data.settings import Data
    from reccl.recommend import Model

AnyRun = Union["MlflowRun", StoredRun]
"""A run as MLflow gives it, or as it was read without MLflow: `info.run_id`, `data.metrics`."""


def runs() -> list[AnyRun]:
    """All runs, newest first; those whose processes are gone are marked KILLED."""
    check_database(store())
    check_folder(store())
    found = stored_runs()
    return tidy(search_runs() if found is None else found)


def stored_runs() -> list[StoredRun] | None:
    """All runs, newest first, as they stand in the database, with nothing written; None where MLflow has to look."""
    path = database(store())
    if path is None:
        return None
    follow_folder(path)
    return read_runs(path, experiment_name())


def search_runs() -> list[AnyRun]:
    """All runs, newest first, as MLflow's client has them."""
    api = client()
    identifier = experiment_id(api)
    found: list[AnyRun] = []
    token: str | None = None
    while token is None or token:
        with store_errors():
            page = api.search_runs(
                [identifier], order_by=["attributes.start_time DESC"], max_results=1000, page_token=token
            )
        found += page
        token = page.token or ""
    return found


def find(name: str, log: Callable[[str], None] = lambda _: None) -> AnyRun:
    """A run by id, unique prefix of an id, name (the newest of that name with a model), or `latest` (the newest so).

    Also by MLflow's own addresses: models:/name@alias, models:/name/version, runs:/id.
    `log` hears where the model is that of a training that was stopped.
    """
    if is_address(name):
        return run_at(name)
    everything = runs()
    if not everything:
        raise RunError(f"no runs in {redact(store())}: train one first, e.g. reccl train --config movielens.yaml")
    found = next((run for run in everything if has_model(run)), everything[0]) if name == "latest" else None
    if found is None:
        fitting = match(name, everything)
        found = next((run for run in fitting if has_model(run)), fitting[0])
    if INTERRUPTED in found.data.tags:
        log(
            f"note: training of run {found.info.run_id} ({found.info.run_name}) was stopped, and this is its best "
            f"model until then; reccl train --resume {found.info.run_id[:8]} goes on"
        )
    return found


def match(name: str, everything: list[AnyRun]) -> list[AnyRun]:
    """The runs of this name, newest first; else the one whose id begins so. Raises RunError where there is none."""
    if named := [run for run in everything if name in names_of(run)]:
        return named
    matching = [run for run in everything if name and run.info.run_id.startswith(name)]
    if len(matching) == 1:
        return matching
    if matching:
        raise RunError(f"run prefix {name!r} fits {len(matching)} runs; give more of the id")
    names = {name for run in everything for name in names_of(run)}
    raise RunError(f"no run {name!r}{did_you_mean(name, names)}; see reccl runs")


def names_of(run: AnyRun) -> set[str]:
    """What a run is called: its own name, and that of its config."""
    return {str(run.info.run_name), *([config] if (config := run.data.tags.get(CONFIG_NAME)) else [])}


def find_unfinished(name: str) -> AnyRun:
    """A run that was stopped, killed or failed, to be resumed: by id, prefix, name (the newest of that name), `latest`.

    Raises RunError where there is none, and where it is finished.
    """
    everything: list[AnyRun] = (
        [run_at(name)] if is_address(name) else [run for run in runs() if FINGERPRINT in run.data.tags]
    )
    fitting = everything if name == "latest" or is_address(name) else match(name, everything)
    found = next((run for run in fitting if run.info.status != "FINISHED"), None)
    if found is None:
        which = "every run is" if name == "latest" else f"run {fitting[0].info.run_id} ({fitting[0].info.run_name}) is"
        raise RunError(f"{which} finished: there is nothing to resume")
    return found


def hold_unfinished(run: AnyRun) -> int | None:
    """Lock a run that is to be resumed; None where there are no locks. Raises RunError where it is still trained."""
    process = f"{run.data.tags.get(HOST, 'another host')}, process {run.data.tags.get(PROCESS, '?').split()[0]}"
    there = checkpoint_folder(run.info.run_id).exists()
    if run.info.status == "RUNNING" and not there and run.data.tags.get(HOST) != gethostname():
        raise RunError(f"run {run.info.run_id} is running elsewhere ({process}): resume it in the folder it runs in")
    try:
        return hold(run.info.run_id)
    except BlockingIOError:
        raise RunError(f"run {run.info.run_id} is still being trained ({process})") from None
    except OSError:
        return None


def has_model(run: AnyRun) -> bool:
    """Whether a run recorded a model."""
    return MODEL_TAG in run.data.tags


def model_folder(run: AnyRun) -> Path:
    """The folder of a run's model, on this machine."""
    if not has_model(run):
        raise RunError(f"run {run.info.run_id} ({run.info.run_name}) holds no model: it is {run.info.status.lower()}")
    client()  # MLflow looks where the last client was made for
    try:
        path = Path(mlflow.artifacts.download_artifacts(run.data.tags[MODEL_TAG]))
    except (OSError, mlflow.exceptions.MlflowException) as error:
        raise RunError(f"cannot read the model of run {run.info.run_id}: {str(error).splitlines()[0]}") from None
    return path / "artifacts" / "model"


def model_of(run: AnyRun) -> "Model":
    """The model of a run."""
    from reccl.recommend import load

    return load(model_folder(run))


def metrics_of(run: AnyRun) -> dict[str, float]:
    """All metrics of a run by name: MLflow's own, and those that are in its metrics.json alone."""
    try:
        written = json.loads(artifact_of(run, METRICS).read_text())
    except (OSError, ValueError):
        return dict(run.data.metrics)  # a run from before there was this file has all of them there
    except mlflow.exceptions.MlflowException:  # apart, since only what comes here should import MLflow
        return dict(run.data.metrics)
    return {**written, **run.data.metrics}


def per_user_of(run: AnyRun) -> "pl.DataFrame | None":
    """Test metrics of every user, as `EvaluationResult.table` wrote them; None where a run has none."""
    try:
        return pl.read_parquet(artifact_of(run, "per_user/test.parquet"))
    except (OSError, pl.exceptions.PolarsError):
        return None
    except mlflow.exceptions.MlflowException:
        return None


def item_hits_of(run: AnyRun) -> "pl.DataFrame | None":
    """Hits of every item on test, see `ItemHits.to_frame`; None where a run has none, or another format's."""
    from reccl.evaluation.item_hits import read_item_hits

    try:
        return read_item_hits(artifact_of(run, "per_item/test.parquet"))
    except (OSError, pl.exceptions.PolarsError):
        return None
    except mlflow.exceptions.MlflowException:
        return None


def data_of(run: AnyRun, data: "Data", log: Callable[[str], None] = lambda _: None) -> "Dataset":
    """The data of a run from the data section of its config; see `reopen_data` for where it is looked for."""
    from reccl.data.reopen import reopen_data

    file = database(store())
    home = (file.absolute() if file else folder() / "mlflow.db").parent.parent
    folders = [home, *([Path(trained_in)] if (trained_in := run.data.tags.get(FOLDER)) else [])]
    return reopen_data(data, run.data.tags.get(FINGERPRINT, ""), folders, log)


def text_of(run: AnyRun, name: str) -> str:
    """A small text file of a run."""
    try:
        return artifact_of(run, name).read_text()
    except (OSError, mlflow.exceptions.MlflowException):
        raise RunError(f"run {run.info.run_id} holds no {name}") from None


def config_of(run: AnyRun) -> str:
    """The config of a run, as text."""
    try:
        return text_of(run, "config.yaml")
    except RunError:
        raise RunError(f"run {run.info.run_id} ended before its config was recorded: train anew") from None
