"""Tracker: records a run in MLflow as it goes."""

import json
import os
import platform
import re
import subprocess
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import mlflow
from mlflow.data.polars_dataset import from_polars
from mlflow.entities import Param, RunStatus
from typing_extensions import override

from reccl.config import Experiment, dump, flatten
from reccl.data.dataset import Dataset
from reccl.outcome import Outcome, RunCallback
from reccl.tracking.run import SERVED_NEEDS, Run
from reccl.tracking.store import client, experiment_id
from reccl.training import Epoch, checkpoint

PARENT = "RECCL_PARENT_RUN"
"""Environment variable with the id of the run that runs recorded here are children of."""
UNFIT = re.compile(r"[^/\w.\- :]")
"""Characters that MLflow does not take in the name of a parameter; a column may be called `size (cm)`."""
ENVIRONMENT = (*SERVED_NEEDS, "polars", "scikit-learn", "torch", "torch-geometric")


class Tracker(RunCallback):
    """A run in MLflow: config, data and environment at the start, every epoch, metrics and model at the end.

    An error marks the run FAILED, Ctrl-C marks it KILLED. A refit's epochs are not recorded.
    """

    def __init__(self) -> None:
        self.run: Run | None = None
        self.refitting = False

    @property
    def run_id(self) -> str:
        """The MLflow id of the run; empty before it starts."""
        return self.run.id if self.run else ""

    @override
    def on_run_start(self, experiment: Experiment, data: Dataset) -> None:
        self.run = start_run(experiment.name, dump(experiment), flatten(experiment), data)

    @override
    def on_refit_start(self) -> None:
        self.refitting = True

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        if self.run and not self.refitting:
            self.run.epoch(record)

    @override
    def on_run_end(self, outcome: Outcome) -> None:
        assert self.run is not None, "on_run_start comes first"
        self.run.metrics(headline_metrics(outcome))
        for record in outcome.tested_fit.history:
            self.run.metrics({f"test_curve/{name}": value for name, value in record.test.items()}, step=record.number)
        sizes = {
            f"data.{name}": f"{value:.6g}" if name == "density" else str(value)
            for name, value in outcome.data.summary().items()
        }
        self.run.tags(sizes)
        if outcome.selected:
            self.run.text("selected.json", json.dumps(outcome.selected, indent=2))
        if outcome.test_result:
            with TemporaryDirectory() as draft:
                table = Path(draft) / "test.parquet"
                outcome.test_result.to_frame(outcome.data.user_ids).write_parquet(table, compression="zstd")
                self.run.file(table, "per_user")
        if outcome.fit.state:
            with TemporaryDirectory() as draft:
                checkpoint.save(outcome.fit.state, Path(draft) / "checkpoint.safetensors")
                self.run.file(Path(draft) / "checkpoint.safetensors", "checkpoint")
        self.run.model(outcome.model, outcome.record())
        if outcome.interrupted:
            self.run.tag("reccl.interrupted", "true")
        self.run.end(RunStatus.KILLED if outcome.interrupted else RunStatus.FINISHED)

    @override
    def on_run_error(self, error: BaseException) -> None:
        if self.run:
            self.run.end(RunStatus.KILLED if isinstance(error, KeyboardInterrupt) else RunStatus.FAILED)


def start_run(name: str, config: str, parameters: Mapping[str, Any], data: Dataset) -> Run:
    """Start a run with its config, data and environment."""
    api = client()
    tags = {
        "reccl.version": version_of("reccl"),
        "reccl.name": name,
        "reccl.fingerprint": data.fingerprint,
        **({"mlflow.parentRunId": parent} if (parent := os.environ.get(PARENT)) else {}),
        **commit(),
    }
    active = mlflow.start_run(experiment_id=experiment_id(api), run_name=name, tags=tags, log_system_metrics=False)
    run = Run(active.info.run_id, api)
    params = [Param(UNFIT.sub("_", key)[:250], str(value)[:6000]) for key, value in parameters.items()]
    for start in range(0, len(params), 100):
        api.log_batch(run.id, params=params[start : start + 100])
    run.text("config.yaml", config)
    run.text("rows.txt", "\n".join(f"{count.rows:>12,}  {count.step}" for count in data.counts) + "\n")
    run.text("environment.txt", environment())
    log_data(data, parameters)
    return run


def headline_metrics(outcome: Outcome) -> dict[str, float]:
    """Metrics of the end of a run, by their names in MLflow."""
    names = {"validation": "validation_best", "test": "test", "best_on_test": "best_on_test"}
    measured = {
        f"{names[part]}/{name}": value for part, values in outcome.metrics.items() for name, value in values.items()
    }
    times = {f"time/{name}": value for name, value in outcome.timing.items()}
    return {**measured, **times, "best_epoch": outcome.fit.best_epoch}


def log_data(data: Dataset, parameters: Mapping[str, Any]) -> None:
    """The three parts as MLflow data sets: name, digest, size, schema."""
    name = str(parameters.get("data.source") or parameters.get("data.pipeline"))
    for part in ("train", "validation", "test"):
        if not (rows := data.part(part)).is_empty():
            digest = data.fingerprint[:28] + part[:4]
            mlflow.log_input(from_polars(rows, name=name, digest=digest), context=part)


def environment() -> str:
    """Python, platform and the versions that matter."""
    lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cpus {os.cpu_count()}"]
    return "\n".join([*lines, *(f"{name} {version_of(name)}" for name in ("reccl", *ENVIRONMENT))]) + "\n"


def version_of(package: str) -> str:
    """Version of an installed package."""
    try:
        return version(package)
    except ModuleNotFoundError:
        return "not installed"


def commit() -> dict[str, str]:
    """The git commit of the current folder as a tag, where it is a checkout."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": done.stdout.strip()}
