"""Artifacts: the files of a run, where they are on this machine, else as MLflow fetches them."""

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from reccl.tracking.mlflow_when_used import mlflow
from reccl.tracking.store import client

if TYPE_CHECKING:
    from mlflow.entities import Run as MlflowRun

    from reccl.tracking.stored_run import StoredRun


def artifact_of(run: "MlflowRun | StoredRun", name: str) -> Path:
    """A file or folder of a run. Raises OSError or MlflowException where it cannot be had."""
    parts = urlsplit(run.info.artifact_uri)
    if parts.scheme == "file" and not parts.netloc:
        folder = Path(unquote(parts.path))
        if (folder / name).exists():
            return folder / name
        if folder.is_dir():
            raise FileNotFoundError(folder / name)
    client()  # names the store to MLflow
    return Path(mlflow.artifacts.download_artifacts(f"runs:/{run.info.run_id}/{name}"))
