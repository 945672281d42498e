"""Models and runs that earlier versions stored load, and recommend what they recommended then."""

import json
import os
import sqlite3
import subprocess
import sys
import tarfile
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

import reccl
from tests.cli.conftest import Shop

ROOT = Path(__file__).parents[1]
STORED = ROOT / "tests" / "stored"
VERSIONS = sorted(path.name.removeprefix("model-") for path in STORED.glob("model-*"))


def test_the_first_version_is_among_them() -> None:
    assert "0.1.0" in VERSIONS


@pytest.mark.parametrize("version", VERSIONS)
class TestEveryVersion:
    def test_its_model_recommends_as_it_did(self, version: str) -> None:
        stored = pl.read_parquet(STORED / f"recommendations-{version}.parquet")
        found = reccl.load(STORED / f"model-{version}").recommend(k=3, item_columns=["title"])
        assert_frame_equal(found, stored, rel_tol=1e-5)

    def test_its_config_loads_and_its_metrics_and_history_are_there(self, version: str) -> None:
        model = reccl.load(STORED / f"model-{version}")
        assert model.experiment.name == "stored"
        assert 0 < model.metrics["test"]["ndcg_at_10"] <= 1
        assert model.history.height == 3

    def test_it_takes_new_users_by_features_and_by_history(self, version: str) -> None:
        model = reccl.load(STORED / f"model-{version}")
        users = pl.DataFrame({"user": ["new"], "town": [2]})
        assert model.recommend(users=["new"], k=2, new_users=users)["source"].to_list() == ["content"] * 2
        history = pl.DataFrame({"user": ["other"], "item": [103]})
        assert model.recommend(users=["other"], k=2, history=history)["source"].to_list() == ["fold_in"] * 2


@pytest.fixture(params=sorted(path.name for path in STORED.glob("run-*.tar.xz")))
def shop(request: pytest.FixtureRequest, tmp_path: Path) -> Shop:
    """The folder of a run that an earlier version recorded, in another place than where it was trained."""
    with tarfile.open(STORED / request.param) as archive:
        archive.extractall(tmp_path, filter="data")
    return Shop(tmp_path / "shop")


def test_the_runs_of_every_version_recommend_evaluate_and_compare_as_they_did(shop: Shop, tmp_path: Path) -> None:
    found = tmp_path / "found.csv"
    command = [sys.executable, "-m", "reccl", "recommend", "--run", "stored", "--k", "3", "--out", str(found)]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    fresh = subprocess.run(command, cwd=shop.folder, env=environment, capture_output=True, text=True)
    assert fresh.returncode == 0, fresh.stderr
    assert_frame_equal(pl.read_csv(found), pl.read_csv(shop.folder / "expected.csv"), rel_tol=1e-5)
    stored = json.loads((shop.folder / "evaluated.json").read_text())["metrics"]
    answer = shop("evaluate", "--run", "latest", "--json")
    assert answer.code == 0, answer.err
    now = json.loads(answer.out)["metrics"]
    assert {name: now[name] for name in stored} == pytest.approx(stored, rel=1e-5)
    answer = shop("compare", "--json")
    assert answer.code == 0, answer.err
    assert "stored" in answer.out
    assert "finished: there is nothing to resume" in shop("train", "--resume", "latest").err


def test_new_runs_of_a_moved_folder_are_written_into_it(shop: Shop) -> None:
    answer = shop("train", "--config", "stored.yaml", "--set", "name=second")
    assert answer.code == 0, answer.err
    assert len(list((shop.folder / "mlruns" / "artifacts" / "models").iterdir())) == 2
    assert shop("recommend", "--run", "second", "--k", "1", "--out", "-").code == 0


def test_a_database_of_another_mlflow_says_what_to_do(shop: Shop) -> None:
    with closing(sqlite3.connect(shop.folder / "mlruns" / "mlflow.db")) as base:
        base.execute("update alembic_version set version_num = 'e0d125c68d9a'")
        base.commit()
    said = shop("runs").refusal(1)
    assert "written by another version of MLflow" in said
    assert "mlflow db upgrade sqlite:///" in said
