"""Find: recorded runs, by id or name, and what they hold."""

from pathlib import Path

import mlflow
import polars as pl
from mlflow.entities import Run as MlflowRun
from mlflow.exceptions import MlflowException

from reccl.errors import RunError, did_you_mean
from reccl.recommend import Model
from reccl.recommend import load as load_model
from reccl.redaction import redact
from reccl.tracking.run import MODEL_TAG
from reccl.tracking.store import client, experiment_id, store


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
        raise RunError(f"no runs in {redact(store())}: train one first, e.g. reccl train --config movielens.yaml")
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


def model_folder(run: MlflowRun) -> Path:
    """The folder of a run's model, on this machine."""
    if not has_model(run):
        raise RunError(f"run {run.info.run_id} ({run.info.run_name}) holds no model: it is {run.info.status.lower()}")
    try:
        path = Path(mlflow.artifacts.download_artifacts(run.data.tags[MODEL_TAG]))
    except (MlflowException, OSError) as error:
        raise RunError(f"cannot read the model of run {run.info.run_id}: {str(error).splitlines()[0]}") from None
    return path / "artifacts" / "model"


def model_of(run: MlflowRun) -> Model:
    """The model of a run."""
    return load_model(model_folder(run))


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
