"""A run store that cannot be used is one line, within seconds, and for a training before the data is prepared."""

import ctypes
import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from reccl import tracking
from reccl.tracking import start
from reccl.tracking.store import experiment_name
from tests.cli.conftest import Shop
from tests.robustness.killing import environment

SECONDS = 20
"""A busy machine takes a few; MLflow by itself tries for minutes."""
NOBODY = "0123456789abcdef0123456789abcdef"
STORES = {
    "http://127.0.0.1:9": "cannot use the run store http://127.0.0.1:9: [Errno 111] Connection refused; is its server",
    "mysql://ann:s3cret@host/runs": "the run store mysql://ann:***@host/runs needs the Python package 'MySQLdb'",
    "sqlite:////proc/nowhere/runs.db": "cannot use the run store sqlite:////proc/nowhere/runs.db: No such file or dire",
    "sqlite:///": "the run store sqlite:/// names no file, so that its runs end with the command: write sqlite:///",
    "sqlite://": "the run store sqlite:// names no file, so that its runs end with the command: write sqlite:///runs.db",
    "sqlite:///:memory:": "the run store sqlite:///:memory: names no file",
}
TRAIN = ("train", "--config", "planted.yaml")
COMMANDS = [("runs",), TRAIN]


def refuse(shop: Shop, *words: str) -> str:
    """The line with which a command ends in time, and nothing before it."""
    began = time.monotonic()
    answer = shop(*words)
    line = answer.refusal(1)
    assert time.monotonic() - began < SECONDS
    assert answer.err == f"error: {line}\n"
    return line


@pytest.mark.parametrize("words", COMMANDS, ids=lambda words: words[0])
class TestOneLine:
    @pytest.mark.parametrize("uri", STORES)
    def test_for_addresses_where_no_store_is(
        self, fresh, words: tuple[str, ...], uri: str, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
        answer = fresh(*words, environment={"MLFLOW_TRACKING_URI": uri})
        reads = words == ("runs",) and "nowhere" in uri  # where training would make a folder
        told = "no folder /proc/nowhere for the run store sqlite:////proc/nowhere/runs.db: correct MLFLOW_T"
        assert answer.refusal(1).startswith(told if reads else STORES[uri])
        assert len(answer.err.splitlines()) == 1
        assert not list(fresh.folder.glob("*:memory:*"))

    def test_for_a_folder_in_place_of_the_database(self, fresh, words: tuple[str, ...]) -> None:
        (fresh.folder / "mlruns" / "mlflow.db").mkdir(parents=True)
        assert refuse(fresh, *words).endswith("mlflow.db: it is a folder, not a file; move it away")

    def test_for_a_database_that_is_none(self, fresh, words: tuple[str, ...]) -> None:
        (fresh.folder / "mlruns").mkdir()
        (fresh.folder / "mlruns" / "mlflow.db").write_bytes(b"nonsense " * 999)
        assert "file is not a database; restore a copy of it, or move it away" in refuse(fresh, *words)


@pytest.fixture
def made(fresh, inside) -> Shop:
    """A folder with a store, in which nothing is recorded."""
    with inside(fresh.folder):
        tracking.experiment_id(tracking.client())
    return fresh


def test_a_damaged_page_is_one_line(made) -> None:
    path = made.folder / "mlruns" / "mlflow.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:8192] + b"\xff" * (len(whole) - 8192))
    command = [sys.executable, "-m", "reccl", "runs"]  # in a process of its own: this one holds the pages in memory
    done = subprocess.run(command, cwd=made.folder, env=environment(), capture_output=True, text=True, timeout=60)
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "malformed" in done.stderr


@pytest.mark.parametrize("name", ["", " "])
def test_an_empty_name_of_the_experiment_is_that_of_reccl(made, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_EXPERIMENT_NAME", name)
    assert made("runs").code == 0
    assert experiment_name() == "reccl"


@pytest.mark.parametrize("run", [NOBODY, "../x"])
def test_a_run_of_nobody_is_one_line(fresh, run: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(start.GIVEN, run)
    line = refuse(fresh, *TRAIN)
    assert line.startswith(f"MLFLOW_RUN_ID is {run!r}, and the run store ")
    assert line.endswith(" holds no such run: unset it")


def test_a_folder_that_may_only_be_read_is_listed_and_not_trained_in(made) -> None:
    """By a process that obeys permissions, even where the tests run as root."""
    runs = made.folder / "mlruns"
    runs.chmod(0o555)

    def obey() -> None:
        ctypes.CDLL(None).prctl(24, 1, 0, 0, 0)  # PR_CAPBSET_DROP, CAP_DAC_OVERRIDE

    def run(*words: str) -> "subprocess.CompletedProcess[str]":
        command, there = [sys.executable, "-m", "reccl", *words], environment()
        return subprocess.run(
            command, cwd=made.folder, env=there, preexec_fn=obey, capture_output=True, text=True, timeout=60
        )

    try:
        listed, trained = run("runs"), run(*TRAIN)
    finally:
        runs.chmod(0o755)
    assert listed.returncode == 0, listed.stderr
    assert trained.returncode == 1
    assert len(trained.stderr.splitlines()) == 1, trained.stderr
    assert trained.stderr.endswith("mlflow.db may only be read; set MLFLOW_TRACKING_URI or change folder\n")


def test_a_deleted_working_folder_is_one_line(tmp_path: Path) -> None:
    command = f"mkdir gone; cd gone; rmdir ../gone; {sys.executable} -m reccl train --config smoke"
    done = subprocess.run(
        ["bash", "-c", command], cwd=tmp_path, env=environment(), capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: the current folder is gone")
    assert len(done.stderr.splitlines()) == 1


def test_a_run_that_is_given_is_recorded_in(fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    assert fresh(*TRAIN).code == 0
    (before,) = json.loads(fresh("runs", "--json").out)
    monkeypatch.setenv(start.GIVEN, before["id"])
    assert fresh(*TRAIN).code == 0
    (after,) = json.loads(fresh("runs", "--json").out)
    assert (after["id"], after["status"]) == (before["id"], "FINISHED")
