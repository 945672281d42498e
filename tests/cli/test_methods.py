"""`reccl methods` lists every bundled method with its paper."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch
from typer.testing import CliRunner

from reccl.cli.app import app
from reccl.config import load
from reccl.data.prepare import prepare
from reccl.fitting import learn, means, measure_part

METHODS = Path(__file__).parents[2] / "configs" / "methods"


def test_every_method_is_listed_with_a_line_and_a_paper() -> None:
    listed = json.loads(CliRunner().invoke(app, ["methods", "--json"]).stdout)
    assert {entry["config"] for entry in listed} == {f"methods/{path.stem}" for path in METHODS.glob("*.yaml")}
    assert all(entry["about"].endswith(".") and entry["paper"] for entry in listed)


def test_the_table_shows_how_to_run_one() -> None:
    shown = CliRunner().invoke(app, ["methods"])
    assert "methods/sgl-ed" in shown.stdout
    assert "reccl train --config methods/simgcl.yaml" in shown.stderr


def quality(config: str | Path, table: Path) -> float:
    """NDCG@10 on the planted world after a few epochs."""
    quick = [
        "training.epochs=20",
        "training.evaluate_every=5",
        "training.batch_size=256",
        "training.learning_rate=0.01",
    ]
    described = [f"data.{side}={table.parent / side}.parquet" for side in ("users", "items")]
    experiment = load(config, ["data.pipeline=table", f"data.interactions={table}", *described, *quick])
    data = prepare(experiment.data)
    scorer = learn(experiment, data, torch.device("cpu")).scorer
    return means(measure_part(scorer, data, "test", experiment))["ndcg_at_10"]


@pytest.fixture(scope="module")
def table(
    planted: pl.DataFrame,
    planted_users: pl.DataFrame,
    planted_items: pl.DataFrame,
    tmp_path_factory: pytest.TempPathFactory,
) -> Path:
    """Interactions, and beside them users.parquet and items.parquet."""
    path = tmp_path_factory.mktemp("planted") / "planted.parquet"
    planted_users.write_parquet(path.with_name("users.parquet"))
    planted_items.write_parquet(path.with_name("items.parquet"))
    planted.write_parquet(path)
    return path


@pytest.fixture(scope="module")
def popular(table: Path) -> float:
    return quality("methods/popularity", table)


TRAINED = [path for path in sorted(METHODS.glob("*.yaml")) if path.stem not in ("popularity", "random")]


@pytest.mark.parametrize("path", TRAINED, ids=lambda path: path.stem)
def test_a_method_runs_on_any_data_and_beats_popularity_clearly(path: Path, table: Path, popular: float) -> None:
    assert quality(path, table) > 1.5 * popular


def test_popularity_beats_chance(table: Path, popular: float) -> None:
    assert popular > quality("methods/random", table)
