"""A recorded model over the planted world, with towers, and a server of it."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.request import urlopen

import polars as pl
import pytest

import reccl
from reccl import tracking
from tests.recommend.conftest import towered  # noqa: F401  a fixture

CONFIG = {
    "name": "planted",
    "data": {
        "pipeline": "table",
        "interactions": "buys.parquet",
        "items": "items.parquet",
        "users": "users.parquet",
        "features": {"items": {"title": None}},
    },
    "encoder": {"kind": "lightgcn", "dimension": 8, "layers": 1},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.2}}},
    "training": {"epochs": 3, "batch_size": 700, "learning_rate": 0.02},
    "cold_start": {},
}


@pytest.fixture(scope="module")
def recorded(
    tmp_path_factory: pytest.TempPathFactory,
    planted: pl.DataFrame,
    planted_users: pl.DataFrame,
    planted_items: pl.DataFrame,
    inside,
) -> Iterator[reccl.Recommender]:
    """Trained, recorded, and the folder of its store current."""
    with inside(tmp_path_factory.mktemp("shop")):
        planted.write_parquet("buys.parquet")
        planted_users.write_parquet("users.parquet")
        titles = pl.col("item").map_elements(lambda item: f"Item {item}" if item % 4 else None, return_dtype=pl.String)
        planted_items.with_columns(title=titles).write_parquet("items.parquet")
        yield reccl.train(CONFIG, track=True, progress=False)


@pytest.fixture(scope="module")
def server(recorded: reccl.Recommender) -> Iterator[str]:
    """The address of `mlflow models serve`."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    run = tracking.find(recorded.run_id)
    command = [sys.executable, "-m", "mlflow", "models", "serve", "-m", run.data.tags[tracking.MODEL_TAG]]
    command += ["--env-manager", "local", "--host", "127.0.0.1", "--port", str(port)]
    root = Path(reccl.__file__).parents[1]
    environment = {**os.environ, "PYTHONPATH": str(root), "MLFLOW_TRACKING_URI": tracking.client().tracking_uri}
    environment["PATH"] = f"{Path(sys.executable).parent}{os.pathsep}{environment['PATH']}"  # for uvicorn
    with Path("server.log").open("wb") as log:
        started = subprocess.Popen(command, env=environment, stdout=log, stderr=log)
    try:
        wait_for(f"http://127.0.0.1:{port}/ping", started)
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
            assert process.poll() is None, Path("server.log").read_text()
            time.sleep(0.2)
        else:
            return
    raise AssertionError(f"{page} does not answer")
