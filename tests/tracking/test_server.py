"""A tracking server by HTTP: everything works as in a folder, and runs are found by MLflow's own addresses."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import mlflow
import polars as pl
import pytest

import reccl
from reccl import tracking
from reccl.cli.cold import record
from reccl.cli.evaluate import reopen
from reccl.cli.ui import ui
from reccl.config import Experiment
from reccl.errors import RunError
from reccl.fitting import measure_part
from tests.tracking.conftest import KilledError, assert_same_run, train
from tests.tracking.test_resume import Kill


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame, inside) -> Iterator[str]:
    """The address of a server on this machine; its artifacts go through it."""
    place = tmp_path_factory.mktemp("server")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(port), "--workers", "1"]
    command += ["--backend-store-uri", f"sqlite:///{place}/all.db", "--artifacts-destination", str(place / "artifacts")]
    quiet = {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", "MLFLOW_DISABLE_TELEMETRY": "true"}
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MLFLOW_")} | quiet
    with (place / "log").open("wb") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=log, cwd=place)
    try:
        wait_for(f"http://127.0.0.1:{port}/health", started)
        work = place / "work"
        work.mkdir()
        planted.write_csv(work / "buys.csv")
        with inside(work):
            os.environ["MLFLOW_TRACKING_URI"] = f"http://127.0.0.1:{port}"
            yield f"http://127.0.0.1:{port}"
    finally:
        started.terminate()
        started.wait()


def wait_for(page: str, process: subprocess.Popen[bytes]) -> None:
    """Until a page is there; a server takes seconds to start."""
    for _ in range(600):
        try:
            urlopen(page, timeout=5).close()
        except OSError:
            assert process.poll() is None, "the server has ended"
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{page} does not answer")


@pytest.fixture(scope="module")
def served(server: str, experiment: Experiment) -> str:
    return train(experiment)[0]


def test_a_run_is_recorded_and_read_as_in_a_folder(served: str) -> None:
    run = tracking.find("planted")
    assert run.info.run_id == served
    assert len(tracking.metrics_of(run)) > 4 * len(run.data.metrics)
    assert tracking.per_user_of(run) is not None
    assert reccl.load(run="latest").recommend(["u001"], k=3).height == 3
    found = reopen(served, "test", "cpu")
    again = measure_part(found.model.ranker, found.data, "test", found.experiment)
    assert again.means()["ndcg_at_10"] == pytest.approx(run.data.metrics["test/ndcg_at_10"])
    record(served, "planted", again, {"cold_items": {0: again.means()}}, 10)
    assert tracking.find(served).data.metrics["k_shot/cold_items/ndcg_at_10"] > 0
    assert not Path("mlruns/mlflow.db").exists()


def test_a_killed_run_is_resumed(served: str, experiment: Experiment) -> None:
    with pytest.raises(KilledError):
        train(experiment, Kill(3))
    resumed, _ = train(experiment, resume="latest")
    fresh, _ = train(experiment)
    assert_same_run(resumed, fresh)


def test_addresses_of_models_and_runs_are_accepted_wherever_a_run_is(served: str) -> None:
    uri = tracking.find(served).data.tags[tracking.MODEL_TAG]
    version = mlflow.register_model(uri, "shop").version
    tracking.client().set_registered_model_alias("shop", "champion", version)
    for address in ("models:/shop@champion", f"models:/shop/{version}", "models:/shop/latest", uri, f"runs:/{served}"):
        assert tracking.find(address).info.run_id == served
        assert reccl.load(address).run_id == served
    assert reopen("models:/shop@champion", "test", "cpu").id == served
    for address in ("models:/shop@nobody", "models:/nothing/1", "models:/m-0", "runs:/0"):
        with pytest.raises(RunError, match=rf"no model or run {address}: ") as failure:
            tracking.find(address)
        assert "\n" not in str(failure.value)


def test_the_ui_is_the_servers_own(server: str, served: str, capfd: pytest.CaptureFixture[str]) -> None:
    ui(port=5000)
    assert f"runs:    {server}/#/experiments/1/runs" in capfd.readouterr().err
