"""Store: where runs are recorded, and a client of it."""

import logging
import os
import warnings
from contextlib import AbstractContextManager, nullcontext
from functools import cache
from pathlib import Path

os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")  # before mlflow is imported
os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
os.environ.setdefault("GIT_PYTHON_REFRESH", "quiet")

import mlflow
from filelock import FileLock
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from reccl.errors import RunError
from reccl.redaction import redact

EXPERIMENT = "reccl"
"""MLflow experiment of all runs, unless MLFLOW_EXPERIMENT_NAME says another."""


@cache
def quiet_mlflow() -> None:
    """Keep the chatter of MLflow and its database migrations out of the user's terminal."""
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
    quiet_mlflow()
    uri = store()
    try:
        with one_at_a_time(uri):
            mlflow.set_tracking_uri(uri)
            found = MlflowClient(uri)
            found.get_experiment_by_name(EXPERIMENT)
    except (OSError, MlflowException) as error:
        reason = redact(str(error).strip().splitlines()[0])
        raise RunError(
            f"cannot use the run store {redact(uri)}: {reason}; set MLFLOW_TRACKING_URI or change folder"
        ) from None
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
