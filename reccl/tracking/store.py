"""Store: where runs are recorded, and a client of it."""

import logging
import os
import re
import sqlite3
import warnings
from collections.abc import Iterator
from contextlib import AbstractContextManager, closing, contextmanager, nullcontext
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from filelock import FileLock

from reccl.atomic import atomic_path
from reccl.errors import RecclError, RunError
from reccl.redaction import redact
from reccl.tracking.mlflow_when_used import TIMEOUT, mlflow
from reccl.tracking.moved import ARTIFACTS, follow_folder
from reccl.tracking.view import set_view

if TYPE_CHECKING:
    from mlflow.tracking import MlflowClient

OWN_TIMEOUT = TIMEOUT not in os.environ
EXPERIMENT = "reccl"
"""MLflow experiment of all runs, unless MLFLOW_EXPERIMENT_NAME says another."""


@cache
def quiet_mlflow() -> None:
    """Keep the chatter of MLflow and its database migrations out of the user's terminal."""
    for noisy, level in {"alembic": logging.ERROR, "mlflow": logging.ERROR, "mlflow.store": logging.CRITICAL}.items():
        logging.getLogger(noisy).setLevel(level)  # what a store logs, with a traceback, it raises, too
    warnings.filterwarnings("ignore", "Hint: Inferred schema contains integer column", UserWarning)


def store() -> str:
    """The tracking URI: MLFLOW_TRACKING_URI where it is set, else a database under ./mlruns."""
    return os.environ.get("MLFLOW_TRACKING_URI") or own_store()


def own_store() -> str:
    """The database under ./mlruns."""
    return f"sqlite:///{folder() / 'mlflow.db'}"


def folder() -> Path:
    """./mlruns, absolute."""
    try:
        return Path("mlruns").absolute()
    except FileNotFoundError:
        raise RunError("the current folder does not exist any more; change to one that does") from None


def client() -> "MlflowClient":
    """A client of the store; its folder is made first.

    One process at a time: the first one makes the database's tables, and two that do so at once fail. Raises RunError,
    within seconds, where the store cannot be used.
    """
    quiet_mlflow()
    uri = store()
    with store_errors(), one_at_a_time(uri):
        check_database(uri)
        make_database(uri)
        if file := database(uri):
            follow_folder(file)
        mlflow.set_tracking_uri(uri)
        found = mlflow.MlflowClient(uri)
        found.get_experiment_by_name(EXPERIMENT)
    return found


@contextmanager
def store_errors() -> Iterator[None]:
    """Raises RunError, one line, in place of whatever MLflow and its database or server raise in the block."""
    try:
        yield
    except RecclError:
        raise
    except ModuleNotFoundError as error:
        name = error.name
        raise RunError(f"the run store {redact(store())} needs the Python package {name!r}: pip install it") from None
    except Exception as error:
        if "out-of-date database schema" in str(error):
            raise RunError(
                f"the run store {redact(store())} was written by another version of MLflow, and {mlflow.__version__} "
                f"reads it only after: mlflow db upgrade {redact(store())}; make a copy of it first"
            ) from None
        advice = "is its server there?" if store().startswith("http") else "set MLFLOW_TRACKING_URI or change folder"
        raise RunError(f"cannot use the run store {redact(store())}: {redact(describe(error))}; {advice}") from error


def describe(error: BaseException) -> str:
    r"""What an error of MLflow says, in one line.

    >>> describe(OSError(28, "No space left on device", "mlruns/x"))
    'No space left on device (mlruns/x)'
    >>> describe(Exception("... (Caused by NewConnectionError('HTTP(port=9): Connection refused'))"))
    'Connection refused'
    >>> describe(Exception("raised in a flush\n(sqlite3.OperationalError) database or disk is full\n[SQL: ...]"))
    'database or disk is full'
    """
    if isinstance(error, OSError) and error.strerror:
        where = f" ({error.filename})" if error.filename else ""
        return f"{error.strerror}{where}"
    lines = [line.strip() for line in str(error).splitlines() if line.strip()] or [type(error).__name__]
    if of_database := re.search(r"^\(\w+\.\w+\) (.+)", "\n".join(lines), re.MULTILINE):
        return of_database[1][:300]
    cause = re.search(r"Caused by \w+\(([\"'])(.*)\1\)", lines[0])
    return cause[2].rpartition(": ")[2] if cause else lines[0][:300]


def check_database(uri: str) -> None:
    """Raises RunError where a database of its own file is none: MLflow would try for two minutes."""
    if (path := database(uri)) is None:
        return
    if path.parent.exists() and not path.parent.is_dir():
        raise RunError(f"cannot use the run store {redact(uri)}: {path.parent} is a file, not a folder; move it away")
    if not path.name:
        raise RunError(
            f"the run store {redact(uri)} names no file, so that its runs end with the command: write sqlite:///runs.db"
        )
    if path.is_dir():
        raise RunError(f"cannot use the run store {redact(uri)}: it is a folder, not a file; move it away")
    if not path.exists():
        return
    try:  # where that may write, it undoes what a killed process had begun
        mode = "rw" if may_write(path) else "ro"
        with closing(sqlite3.connect(f"file:{quote(str(path))}?mode={mode}", timeout=60, uri=True)) as connection:
            connection.execute("select count(*) from sqlite_master").fetchone()
    except sqlite3.DatabaseError as error:
        raise RunError(
            f"cannot use the run store {redact(uri)}: {error}; restore a copy of it, or move it away to start anew"
        ) from None


def check_folder(uri: str) -> None:
    """Raises RunError where the folder of a database that was asked for is not there, so that it holds no runs."""
    path = database(uri)
    if path is not None and uri != own_store() and not path.parent.exists():
        raise RunError(
            f"no folder {path.parent} for the run store {redact(uri)}: correct MLFLOW_TRACKING_URI, or train first"
        )


def make_database(uri: str) -> None:
    """Make a database of its own file where there is none: whole or not at all, since MLflow takes seconds for it."""
    if (path := database(uri)) is None or (path.exists() and path.stat().st_size):
        return
    if not os.access(path.parent, os.W_OK):
        raise RunError(
            f"cannot use the run store {redact(uri)}: no permission to write to {path.parent}; "
            "set MLFLOW_TRACKING_URI or change folder"
        )
    with atomic_path(path) as draft:
        mlflow.MlflowClient(f"sqlite:///{draft}").get_experiment_by_name(EXPERIMENT)


def may_write(path: Path) -> bool:
    """Whether a database may be written to, and a journal beside it."""
    return os.access(path, os.W_OK) and os.access(path.parent, os.W_OK)


def database(uri: str) -> Path | None:
    """The file of a store that is a database of its own file; no name where it is kept in memory.

    >>> database("sqlite:////tmp/runs.db?timeout=9"), database("http://host:5000")
    (PosixPath('/tmp/runs.db'), None)
    """
    scheme, _, place = uri.partition("?")[0].partition(":")
    return Path(place.removeprefix("///").removeprefix(":memory:")) if scheme == "sqlite" else None


def one_at_a_time(uri: str) -> AbstractContextManager[object]:
    """Holds a lock beside a database of its own file, where one may write; other stores look after themselves."""
    if (place := database(uri)) is None or not place.name:
        return nullcontext()
    place.parent.mkdir(parents=True, exist_ok=True)
    if not os.access(place.parent, os.W_OK):
        return nullcontext()
    return FileLock(place.with_name(f".{place.name}.lock"), timeout=60)


@contextmanager
def patience(seconds: int = 120) -> Iterator[None]:
    """Longer requests: a server may take a while to store a model. Not where the user has set their length."""
    before = os.environ.get(TIMEOUT)  # None where the caller has cleared the environment since
    if OWN_TIMEOUT:
        os.environ[TIMEOUT] = str(seconds)
    try:
        yield
    finally:
        os.environ.pop(TIMEOUT, None) if before is None else os.environ.update({TIMEOUT: before})


def exists(api: "MlflowClient", run_id: str) -> bool:
    """Whether the store holds the run."""
    try:
        api.get_run(run_id)
    except mlflow.MlflowException as error:
        if error.error_code not in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            raise
        return False
    return True


def experiment_name() -> str:
    """The MLflow experiment of all runs: MLFLOW_EXPERIMENT_NAME, else 'reccl'."""
    return os.environ.get("MLFLOW_EXPERIMENT_NAME", "").strip() or EXPERIMENT


def experiment_id(api: "MlflowClient") -> str:
    """The id of `experiment_name`, which is made where it is missing."""
    name = experiment_name()
    with store_errors(), one_at_a_time(api.tracking_uri):
        if found := api.get_experiment_by_name(name):
            if found.lifecycle_stage != "active":
                raise RunError(f"the MLflow experiment {name!r} is deleted: restore it, or set MLFLOW_EXPERIMENT_NAME")
            set_view(api, found)
            return str(found.experiment_id)
        file = database(api.tracking_uri)
        beside = (file.absolute().parent / ARTIFACTS).as_uri() if file else None
        identifier = str(api.create_experiment(name, artifact_location=beside))
        set_view(api, api.get_experiment(identifier))
        return identifier
