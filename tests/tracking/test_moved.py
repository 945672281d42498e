"""A folder of runs that is copied or moved works where it is, and nothing is written where it was."""

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import polars as pl
import pytest
from mlflow.tracking._tracking_service import utils

import reccl
from reccl import tracking
from reccl.cli.evaluate import reopen
from reccl.cli.recommend import recommend
from reccl.config import Experiment
from reccl.data.reopen import find_prepared
from reccl.tracking.moved import follow_folder, has_moved, local_path, relocate
from tests.tracking.conftest import KilledError, assert_same_run, train
from tests.tracking.test_resume import Kill

OLD, NEIGHBOR, CLOUD = (
    "file:///gone/mlruns/artifacts",
    "file:///gone/mlruns/artifacts2/x",
    "s3://bucket/mlruns/artifacts",
)


@pytest.fixture
def moved(shop: Path, whole: str, experiment: Experiment, tmp_path: Path, inside) -> Path:
    """A copy of the folder; the old one is out of reach. Its newest run was killed."""
    with pytest.raises(KilledError):
        train(experiment, Kill(3))
    here = tmp_path / "another machine" / "shop"
    shutil.copytree(shop, here)
    away = shop.with_name("away")
    shop.rename(away)
    utils._artifact_repos_cache.clear()  # another process
    with inside(here):
        yield here
    written = shop.exists()
    shutil.rmtree(shop, ignore_errors=True)
    away.rename(shop)
    assert not written, "something was written into the old path"


def test_every_command_works_where_the_folder_is_now(moved: Path, whole: str, experiment: Experiment) -> None:
    recommend("lists.csv", run=whole)
    assert pl.read_csv("lists.csv").height > 0
    assert reopen(whole, "test", "cpu").data.fingerprint == tracking.find(whole).data.tags["reccl.fingerprint"]
    assert tracking.metrics_of(tracking.find(whole)).keys() > tracking.find(whole).data.metrics.keys()
    assert tracking.per_user_of(tracking.find(whole)) is not None
    killed = next(run.info.run_id for run in tracking.runs() if run.info.status == "FAILED")
    resumed, _ = train(experiment, resume=killed)
    assert_same_run(resumed, whole)
    new, _ = train(experiment)
    places = {tracking.find(run).info.artifact_uri for run in (whole, resumed, new)}
    assert {local_path(place).parents[2] for place in places} == {moved / "mlruns"}
    assert reccl.load(run=new).run_id == new


def test_another_working_folder_finds_the_data_in_the_cache_and_below_the_store(
    shop: Path, whole: str, tmp_path: Path, inside, monkeypatch: pytest.MonkeyPatch
) -> None:
    fingerprint = tracking.find(whole).data.tags["reccl.fingerprint"]
    with inside(tmp_path):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{shop}/mlruns/mlflow.db")
        assert find_prepared(fingerprint)
        assert reopen(whole, "test", "cpu").data.fingerprint == fingerprint
        Path("buys.csv").write_text("user,item\nann,1\n")  # another shop's
        assert reopen(whole, "test", "cpu").data.fingerprint == fingerprint
        Path("buys.csv").unlink()
        monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "empty"))
        assert find_prepared(fingerprint) is None
        assert reopen(whole, "test", "cpu").data.fingerprint == fingerprint
        (shop / "buys.csv").rename(tmp_path / "gone")
        monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "also empty"))
        with pytest.raises(reccl.DataError, match=r"buys\.csv.*not in the cache .*also empty/prepared either, nor"):
            reopen(whole, "test", "cpu")
        (tmp_path / "gone").rename(shop / "buys.csv")


def test_a_store_that_is_in_its_place_is_not_touched(shop: Path, whole: str) -> None:
    with closing(sqlite3.connect("mlruns/mlflow.db")) as connection:
        before = list(connection.iterdump())
        tracking.client()
        assert list(connection.iterdump()) == before


def test_what_lies_elsewhere_on_purpose_stays_there(tmp_path: Path) -> None:
    here, file = tmp_path / "here" / "artifacts", tmp_path / "here" / "mlflow.db"
    elsewhere = tmp_path / "big disk" / "artifacts"
    here.mkdir(parents=True)
    file.touch()
    assert not has_moved(here, here, file)
    assert not has_moved(tmp_path / "big disk" / "results", here, file)
    assert has_moved(tmp_path / "gone" / "artifacts", here, file)
    (elsewhere / "run").mkdir(parents=True)
    root = tmp_path / "big disk" / "artifacts"
    assert relocate((elsewhere / "run").as_uri(), [root], here) is None, "its files are there alone"
    assert relocate("s3://bucket/artifacts/run", [root], here) is None
    (here / "run").mkdir()
    assert relocate((elsewhere / "run").as_uri(), [root], here) == (here / "run").as_uri()


@pytest.fixture
def artifacts(tmp_path: Path) -> Path:
    """The folder beside a database with an experiment of the old place and runs here and there."""
    (tmp_path / "artifacts").mkdir()
    with closing(sqlite3.connect(tmp_path / "mlflow.db")) as base:
        base.execute("create table experiments (artifact_location)")
        base.execute("create table runs (artifact_uri)")
        base.executemany("insert into experiments values (?)", [(OLD,), (CLOUD,)])
        base.executemany("insert into runs values (?)", [(f"{OLD}/1",), (NEIGHBOR,), (f"{CLOUD}/2",)])
        base.commit()
    return tmp_path / "artifacts"


def addresses(artifacts: Path) -> list[str]:
    with closing(sqlite3.connect(artifacts.parent / "mlflow.db")) as base:
        rows = base.execute("select artifact_location from experiments union all select artifact_uri from runs")
        return [address for (address,) in rows]


def test_the_old_folder_is_replaced_and_nothing_else(artifacts: Path) -> None:
    follow_folder(artifacts.parent / "mlflow.db")
    here = artifacts.as_uri()
    assert addresses(artifacts) == [here, CLOUD, f"{here}/1", NEIGHBOR, f"{CLOUD}/2"]


def test_the_addresses_of_a_folder_that_is_still_there_and_holds_no_store_stay(artifacts: Path, tmp_path: Path) -> None:
    old = tmp_path / "first" / "mlruns" / "artifacts"
    old.mkdir(parents=True)
    with closing(sqlite3.connect(artifacts.parent / "mlflow.db")) as base:
        base.execute("update experiments set artifact_location = ? where artifact_location = ?", (old.as_uri(), OLD))
        base.commit()
    before = addresses(artifacts)
    follow_folder(artifacts.parent / "mlflow.db")
    assert addresses(artifacts) == before


def test_what_is_no_database_of_mlflow_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "mlflow.db").write_text("no database")
    follow_folder(tmp_path / "mlflow.db")
    follow_folder(tmp_path / "other.db")
    assert (tmp_path / "mlflow.db").read_text() == "no database"
    assert not (tmp_path / "other.db").exists()
