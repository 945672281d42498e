"""The nightly job of the page runs, night after night, and a night that fails leaves the one before as it was."""

import ast
import fcntl
import os
import shutil
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest
import yaml

from reccl import tracking

NIGHTLY = Path(__file__).parents[2] / "examples" / "nightly"


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the job, and `reccl` on a PATH of its own."""
    place = tmp_path_factory.mktemp("nights")
    for name in ("nightly.sh", "shop.yaml"):
        shutil.copy(NIGHTLY / name, place)
    command = place / "bin" / "reccl"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m reccl "$@"\n')
    command.chmod(0o755)
    (place / "inbox").mkdir()
    return place


def run_night(shop: Path) -> subprocess.CompletedProcess[str]:
    environment = {key: value for key, value in os.environ.items() if key != "MLFLOW_TRACKING_URI"}
    environment |= {"PATH": f"{shop / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(NIGHTLY.parents[1])}
    return subprocess.run([shop / "nightly.sh"], capture_output=True, text=True, check=False, env=environment, cwd="/")


def test_two_nights_and_one_that_fails(shop: Path, planted: pl.DataFrame, inside) -> None:
    rows = planted.sort("timestamp")
    days = [rows.head(2700), rows.slice(2700)]
    days[0].write_csv(shop / "inbox" / "day-1.csv")
    first = run_night(shop)
    assert first.returncode == 0, first.stderr
    with inside(shop):
        champion = tracking.find("models:/shop@champion")
        assert tracking.WARM_START not in champion.data.tags
    lists = pl.read_parquet(shop / "lists" / "current.parquet")
    assert lists["user"].n_unique() == days[0]["user"].n_unique()

    newcomer = pl.DataFrame({"user": ["new"] * 3, "item": [16, 28, 40], "timestamp": [days[1]["timestamp"].max()] * 3})
    pl.concat([days[1], newcomer]).write_csv(shop / "inbox" / "day-2.csv")
    second = run_night(shop)
    assert second.returncode == 0, second.stderr
    assert not list((shop / "inbox").iterdir())
    with inside(shop):
        trained = tracking.find("shop")
        assert trained.data.tags[tracking.WARM_START] == champion.info.run_id
        now = tracking.find("models:/shop@champion").info.run_id
    said = second.stdout + second.stderr
    assert "measured again on the test rows" in said
    assert ("the champion stays" in said) == (now == champion.info.run_id)
    assert "interval" in said
    lists = pl.read_parquet(shop / "lists" / "current.parquet")
    assert lists.filter(user="new").height == 20
    had = pl.concat(days)
    assert lists.join(had, on=["user", "item"]).is_empty(), "what users had by then is not listed"
    assert list((shop / "reports").iterdir())

    (shop / "inbox" / "day-3.csv").write_text("customer,article\n1,2\n")  # of another shape
    before = (shop / "lists" / "current.parquet").read_bytes()
    broken = run_night(shop)
    assert broken.returncode != 0
    assert "error: " in broken.stderr
    assert (shop / "lists" / "current.parquet").read_bytes() == before
    with inside(shop):
        assert tracking.find("models:/shop@champion").info.run_id == now


def test_two_nights_at_once_are_refused(shop: Path) -> None:
    with (shop / ".nightly.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        late = run_night(shop)
    assert late.returncode == 75
    assert "the last night still runs" in late.stderr


def test_the_dag_and_the_workflow_are_what_their_systems_read() -> None:
    tree = ast.parse((NIGHTLY / "airflow_dag.py").read_text())
    (dag,) = (node for node in tree.body if isinstance(node, ast.FunctionDef))
    steps = [node.name for node in dag.body if isinstance(node, ast.FunctionDef)]
    assert steps == ["ingest", "train", "promote", "score", "write"]
    workflow = yaml.safe_load((NIGHTLY / "github_actions.yml").read_text())
    commands = [step["run"] for step in workflow["jobs"]["shop"]["steps"] if "run" in step]
    assert "examples/nightly/nightly.sh" in commands


def test_the_page_shows_the_script_as_it_is() -> None:
    script = (NIGHTLY / "nightly.sh").read_text()
    page = (NIGHTLY.parents[1] / "docs" / "nightly.md").read_text()
    assert script[script.index("set -euo") :].strip() in page
