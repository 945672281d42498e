"""Start: what a run in MLflow holds before training begins."""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import mlflow
from mlflow.data.polars_dataset import from_polars

from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.redaction import redact
from reccl.tracking.environment import commit, environment, version_of
from reccl.tracking.find import AnyRun
from reccl.tracking.label import label_tags, name_data, name_run
from reccl.tracking.liveness import process_tags
from reccl.tracking.run import Run
from reccl.tracking.store import client, database, exists, experiment_id, may_write, one_at_a_time, store, store_errors
from reccl.tracking.tags import CONFIG_NAME, FINGERPRINT, FOLDER, SPLIT, SPLIT_TEST, WARM_START

PARENT = "RECCL_PARENT_RUN"
"""Environment variable with the id of the run that runs recorded here are children of."""
CONTEXTS = {"train": "training", "validation": "validation", "test": "test"}
"""Part -> what MLflow calls it."""
GIVEN = "MLFLOW_RUN_ID"
"""Environment variable by which `mlflow run` says which run is to be recorded in."""


def check_start() -> None:
    """Raise RunError where no run can be started, before the long work."""
    api = client()
    experiment_id(api)
    if (path := database(store())) and not may_write(path):
        raise RunError(f"the run store {redact(store())} may only be read; set MLFLOW_TRACKING_URI or change folder")
    if given := os.environ.get(GIVEN):
        with store_errors():
            known = exists(api, given)
        if not known:
            raise RunError(f"{GIVEN} is {given!r}, and the run store {redact(store())} holds no such run: unset it")


def start_run(
    name: str,
    config: str,
    parameters: Mapping[str, Any],
    data: Dataset,
    *,
    parent: str = "",
    suffix: str = "",
    warm_start: str = "",
) -> Run:
    """Start a run with its config, data and environment.

    `parent` is the id of one that it is a child of, `warm_start` of one whose parameters it begins with: a tag, and a
    parameter beside those of the config, so that runs that began otherwise are not taken for one method.
    """
    api = client()
    tags = {
        "reccl.version": version_of("reccl"),
        CONFIG_NAME: name,
        **label_tags(parameters),
        FINGERPRINT: data.fingerprint,
        SPLIT: data.digest.parts,
        SPLIT_TEST: data.digest.test,
        FOLDER: str(Path.cwd()),
        **({"mlflow.parentRunId": above} if (above := parent or os.environ.get(PARENT)) else {}),
        **({WARM_START: warm_start} if warm_start else {}),
        **process_tags(),
        **commit(),
    }
    experiment, given = experiment_id(api), os.environ.get(GIVEN)
    with store_errors():
        active = mlflow.start_run(
            experiment_id=experiment,
            run_name=f"{name_run(name, parameters)}{suffix}",
            tags=tags,
            log_system_metrics=False,
        )
        with ended_by_errors():
            run = Run.reopen(active.info.run_id, api) if given else Run(active.info.run_id, api)
            record_start(run, config, {**parameters, **({"warm_start": warm_start} if warm_start else {})}, data)
    return run


def reopen_run(unfinished: AnyRun, config: str, parameters: Mapping[str, Any], data: Dataset) -> Run:
    """Go on with a run that another process began. Raises RunError where the data is not the same."""
    if unfinished.data.tags.get(FINGERPRINT) != data.fingerprint:
        raise RunError(
            f"the data of run {unfinished.info.run_id} has changed since it was started, so that it cannot be resumed: "
            "train anew"
        )
    api = client()
    with store_errors():
        mlflow.start_run(run_id=unfinished.info.run_id, log_system_metrics=False, tags=process_tags())
        with ended_by_errors():
            run = Run.reopen(unfinished.info.run_id, api)
            record_start(run, config, parameters, data)
    return run


@contextmanager
def ended_by_errors() -> Iterator[None]:
    """An error in the block ends the active run of MLflow."""
    try:
        yield
    except BaseException:
        with suppress(Exception):
            mlflow.end_run("FAILED")
        raise


def record_start(run: Run, config: str, parameters: Mapping[str, Any], data: Dataset) -> None:
    """What is known before training. Where a run is resumed it is written again: it may have been killed on the way."""
    run.text("config.yaml", config)  # first, since nothing can be resumed without it
    run.params(parameters)
    run.text("rows.txt", "\n".join(f"{count.rows:>12,}  {count.step}" for count in data.counts) + "\n")
    run.text("environment.txt", environment())
    with one_at_a_time(run.api.tracking_uri):  # two that add the same data at once fail
        log_data(data, parameters)


def log_data(data: Dataset, parameters: Mapping[str, Any]) -> None:
    """The three parts as MLflow data sets: name, digest, size, schema."""
    name = name_data(parameters)
    for part, context in CONTEXTS.items():
        if not (rows := data.part(part)).is_empty():
            mlflow.log_input(from_polars(rows, name=f"{name}-{part}", digest=data.fingerprint[:8]), context=context)
