"""Tracking: runs in MLflow. The only module that imports mlflow."""

import logging
import os
import platform
import subprocess
import tempfile
import warnings
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass
from importlib.metadata import version
from pathlib import Path
from typing import Any

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
import pandas as pd
import polars as pl
from filelock import FileLock
from mlflow.data.polars_dataset import from_polars
from mlflow.entities import Metric, Param, RunStatus, RunTag
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException
from mlflow.models import infer_signature
from mlflow.tracking import MlflowClient

from reccl.data.dataset import Dataset
from reccl.errors import RunError, did_you_mean
from reccl.recommend import Model, save
from reccl.recommend import load as load_model
from reccl.training import Epoch

EXPERIMENT = "reccl"
MODEL_TAG = "reccl.model"
PARENT = "RECCL_PARENT_RUN"
"""Environment variable with the id of the run that runs recorded here are children of."""
SERVED = Path(__file__).parent / "recommend" / "served.py"
SERVED_NEEDS = ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "scipy")
ENVIRONMENT = (*SERVED_NEEDS, "polars", "scikit-learn", "torch", "torch-geometric")

for noisy in ("alembic", "mlflow"):
    logging.getLogger(noisy).setLevel(logging.ERROR)
warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer column", UserWarning)


def store() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI where it is set, else a database under ./mlruns."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_store()


def own_store() -> str:
    """The database under ./mlruns."""
    return f"sqlite:///{folder() / 'mlflow.db'}"


def folder() -> Path:
    """./mlruns, absolute."""
    return Path("mlruns").absolute()


def client() -> MlflowClient:
    """A client of the store; its folder is made first.

    One process at a time: the first one makes the database's tables, and two that do so at once fail.
    """
    uri = store()
    try:
        with one_at_a_time(uri):
            mlflow.set_tracking_uri(uri)
            found = MlflowClient(uri)
            found.get_experiment_by_name(EXPERIMENT)
    except (OSError, MlflowException) as error:
        reason = str(error).strip().splitlines()[0]
        raise RunError(f"cannot use the run store {uri}: {reason}; set MLFLOW_TRACKING_URI or change folder") from None
    return found


def one_at_a_time(uri: str) -> AbstractContextManager[object]:
    """Holds a lock beside a database of its own file; other stores look after themselves."""
    if not uri.startswith("sqlite:///"):
        return nullcontext()
    place = Path(uri.removeprefix("sqlite:///"))
    place.parent.mkdir(parents=True, exist_ok=True)
    return FileLock(place.with_name(f".{place.name}.lock"))


def experiment_id(api: MlflowClient) -> str:
    """The MLflow experiment of all runs (MLFLOW_EXPERIMENT_NAME, else 'reccl'), made where it is missing."""
    name = os.environ.get("MLFLOW_EXPERIMENT_NAME", EXPERIMENT)
    with one_at_a_time(api.tracking_uri):
        if found := api.get_experiment_by_name(name):
            return str(found.experiment_id)
        local = api.tracking_uri == own_store()  # not by the environment: set_tracking_uri writes it there, too
        return str(api.create_experiment(name, artifact_location=(folder() / "artifacts").as_uri() if local else None))


@dataclass(frozen=True)
class Run:
    """A run being recorded."""

    id: str
    api: MlflowClient

    def epoch(self, record: Epoch) -> None:
        """Losses and validation metrics of one epoch, in one request."""
        values = {
            **{f"train/{name}": value for name, value in record.losses.items()},
            **{f"validation/{name}": value for name, value in record.validation.items()},
            "time/epoch_seconds": record.seconds,
            "time/interactions_per_second": record.interactions_per_second,
            "train/learning_rate": record.learning_rate,
        }
        self.metrics(values, step=record.number)

    def metrics(self, values: Mapping[str, float], step: int = 0) -> None:
        """Numbers by name."""
        now = int(pd.Timestamp.now().timestamp() * 1000)
        self.api.log_batch(self.id, metrics=[Metric(name, float(value), now, step) for name, value in values.items()])

    def tag(self, name: str, value: str) -> None:
        """A text about the run."""
        self.api.set_tag(self.id, name, value)

    def tags(self, values: Mapping[str, str]) -> None:
        """Several texts about the run, in one request."""
        self.api.log_batch(self.id, tags=[RunTag(name, value) for name, value in values.items()])

    def text(self, name: str, text: str) -> None:
        """A small text file."""
        self.api.log_text(self.id, text, name)

    def file(self, path: Path, where: str) -> None:
        """A file that exists on disk."""
        self.api.log_artifact(self.id, str(path), where)

    def model(self, model: Model) -> None:
        """The model, as a folder of safetensors, Parquet and JSON behind MLflow's pyfunc interface."""
        example = pd.DataFrame({"user": model.user_ids.ids.head(3).to_list()})
        item = model.item_ids.ids.head(1).to_list()
        answer = pd.DataFrame({"user": example["user"][:1], "item": item, "score": [0.0], "rank": [1]})
        answer = answer.astype({"score": "float32", "rank": "int32"})
        with tempfile.TemporaryDirectory() as draft:
            save(model, Path(draft) / "model")
            logged = mlflow.pyfunc.log_model(
                name="model",
                python_model=str(SERVED),
                artifacts={"model": str(Path(draft) / "model")},
                signature=infer_signature(example, answer, params={"k": 20, "include_seen": False}),
                input_example=example,
                pip_requirements=[f"{name}=={version(name)}" for name in SERVED_NEEDS],
            )
        self.tag(MODEL_TAG, logged.model_uri)


@contextmanager
def recorded(name: str, config: str, parameters: Mapping[str, Any], data: Dataset) -> Iterator[Run]:
    """Record a run: its config, data and environment now, its end however it ends.

    An exception marks the run FAILED, Ctrl-C marks it KILLED.
    """
    api = client()
    tags = {
        "mlflow.runName": name,
        "reccl.version": version_of("reccl"),
        "reccl.fingerprint": data.fingerprint,
        **({"mlflow.parentRunId": parent} if (parent := os.environ.get(PARENT)) else {}),
        **commit(),
    }
    with mlflow.start_run(
        experiment_id=experiment_id(api), run_name=name, tags=tags, log_system_metrics=False
    ) as active:
        run = Run(active.info.run_id, api)
        params = [Param(key, str(value)[:6000]) for key, value in parameters.items()]
        for start in range(0, len(params), 100):
            api.log_batch(run.id, params=params[start : start + 100], tags=[RunTag("reccl.name", name)])
        run.text("config.yaml", config)
        run.text("rows.txt", "\n".join(f"{count.rows:>12,}  {count.step}" for count in data.counts) + "\n")
        run.text("environment.txt", environment())
        log_data(data, parameters)
        try:
            yield run
        except KeyboardInterrupt:
            mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))
            raise


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


def interrupted(run: Run) -> None:
    """Mark a run that was stopped by hand, with what it has so far."""
    run.tag("reccl.interrupted", "true")
    mlflow.end_run(RunStatus.to_string(RunStatus.KILLED))


def runs() -> list[MlflowRun]:
    """All runs, newest first."""
    api = client()
    identifier = experiment_id(api)
    found: list[MlflowRun] = []
    token: str | None = None
    while token is None or token:
        page = api.search_runs(
            [identifier], order_by=["attributes.start_time DESC"], max_results=1000, page_token=token
        )
        found += page
        token = page.token or ""
    return found


def find(name: str) -> MlflowRun:
    """A run by id, unique prefix of an id, name (the newest of that name), or `latest` (the newest with a model)."""
    everything = runs()
    if not everything:
        raise RunError(f"no runs in {store()}: train one first, e.g. reccl train --config movielens.yaml")
    if name == "latest":
        return next((run for run in everything if has_model(run)), everything[0])
    named = [run for run in everything if run.info.run_name == name]
    if named:
        return named[0]
    matching = [run for run in everything if name and run.info.run_id.startswith(name)]
    if len(matching) == 1:
        return matching[0]
    if matching:
        raise RunError(f"run prefix {name!r} fits {len(matching)} runs; give more of the id")
    names = {str(run.info.run_name) for run in everything}
    raise RunError(f"no run {name!r}{did_you_mean(name, names)}; see reccl runs")


def has_model(run: MlflowRun) -> bool:
    """Whether a run recorded a model."""
    return MODEL_TAG in run.data.tags


def model_of(run: MlflowRun) -> Model:
    """The model of a run."""
    if not has_model(run):
        raise RunError(f"run {run.info.run_id} ({run.info.run_name}) holds no model: it is {run.info.status.lower()}")
    try:
        path = Path(mlflow.artifacts.download_artifacts(run.data.tags[MODEL_TAG]))
    except (MlflowException, OSError) as error:
        raise RunError(f"cannot read the model of run {run.info.run_id}: {str(error).splitlines()[0]}") from None
    return load_model(path / "artifacts" / "model")


def per_user_of(run: MlflowRun) -> pl.DataFrame | None:
    """Test metrics of every user, as `EvaluationResult.table` wrote them; None where a run has none."""
    try:
        path = mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/per_user/test.parquet")
        return pl.read_parquet(path)
    except (MlflowException, OSError, pl.exceptions.PolarsError):
        return None


def text_of(run: MlflowRun, name: str) -> str:
    """A small text file of a run."""
    try:
        return Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{name}")).read_text()
    except (MlflowException, OSError):
        raise RunError(f"run {run.info.run_id} holds no {name}") from None
