"""Trials: runs of a study's trials in MLflow, as children of the study's run. They hold numbers, no model."""

from collections.abc import Mapping
from typing import Any

from reccl.tracking.label import label_tags
from reccl.tracking.liveness import process_tags
from reccl.tracking.run import Run
from reccl.tracking.store import client, experiment_id, store_errors
from reccl.tracking.tags import KIND, TRIAL

STATE, REASON = "trial.state", "trial.error"
"""Tags of a trial: complete, pruned, failed or broken off; and why it failed."""
STATUS = {"complete": "FINISHED", "pruned": "FINISHED", "failed": "FAILED", "broken off": "KILLED"}


def start_trial(parent: str, name: str, parameters: Mapping[str, Any], values: Mapping[str, Any]) -> Run:
    """A run for one trial.

    Args:
        parent: the id of the study's run.
        name: of the run.
        parameters: the whole config, flat, for the columns that say what a run is.
        values: what the trial sets of it; these alone are the run's parameters.

    """
    api = client()
    tags = {"mlflow.parentRunId": parent, KIND: TRIAL, **label_tags(parameters), **process_tags()}
    with store_errors():
        run = Run(api.create_run(experiment_id(api), run_name=name, tags=tags).info.run_id, api)
        run.params(values)
    return run


def end_trial(run: Run, state: str, metrics: Mapping[str, float], error: str = "") -> None:
    """What came of it."""
    run.metrics(metrics)
    run.tags({STATE: state, **({REASON: error[:5000]} if error else {})})
    run.api.set_terminated(run.id, STATUS[state])
