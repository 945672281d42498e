"""A database follows its folder where it was moved, and leaves what is elsewhere."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from reccl.tracking.moved import follow

OLD, NEIGHBOR, CLOUD = (
    "file:///gone/mlruns/artifacts",
    "file:///gone/mlruns/artifacts2/x",
    "s3://bucket/mlruns/artifacts",
)


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
    follow(artifacts.parent / "mlflow.db", artifacts)
    here = artifacts.as_uri()
    assert addresses(artifacts) == [here, CLOUD, f"{here}/1", NEIGHBOR, f"{CLOUD}/2"]


def test_a_copy_leaves_the_addresses_of_a_folder_that_is_still_there(artifacts: Path, tmp_path: Path) -> None:
    old = tmp_path / "first" / "mlruns" / "artifacts"
    old.mkdir(parents=True)
    with closing(sqlite3.connect(artifacts.parent / "mlflow.db")) as base:
        base.execute("update experiments set artifact_location = ? where artifact_location = ?", (old.as_uri(), OLD))
        base.commit()
    before = addresses(artifacts)
    follow(artifacts.parent / "mlflow.db", artifacts)
    assert addresses(artifacts) == before


def test_what_is_no_database_of_mlflow_stays_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "artifacts").mkdir()
    (tmp_path / "mlflow.db").write_text("no database")
    follow(tmp_path / "mlflow.db", tmp_path / "artifacts")
    follow(tmp_path / "other.db", tmp_path / "artifacts")
    assert (tmp_path / "mlflow.db").read_text() == "no database"
    assert not (tmp_path / "other.db").exists()
