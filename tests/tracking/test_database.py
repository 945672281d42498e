"""The store is read without MLflow as MLflow's client reads it, and MLflow is asked where it is not known."""

import math
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from mlflow.store.db.utils import _get_latest_schema_revision
from mlflow.tracking import MlflowClient

from reccl import tracking
from reccl.tracking.database import SCHEMAS, read_runs

COLUMNS = ("run_id", "run_name", "status", "start_time", "end_time", "artifact_uri", "experiment_id")


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, inside) -> Path:
    """A store with runs of every kind."""
    place = tmp_path_factory.mktemp("store")
    with inside(place):
        api = tracking.client()
        experiment, other = tracking.experiment_id(api), api.create_experiment("other")
        for number, name in enumerate(["plain", "strange 'name' \U0001f600", "failed", "deleted"]):
            run = api.create_run(experiment, run_name=name, start_time=1000 + number, tags={"reccl.name": name})
            api.log_param(run.info.run_id, "data.source", "ml-100k")
            for step, value in enumerate([0.5, math.nan if number == 1 else 0.25]):
                api.log_metric(run.info.run_id, "test/ndcg_at_10", value, step=step)
            api.set_terminated(run.info.run_id, "FAILED" if name == "failed" else "FINISHED")
            if name == "deleted":
                api.delete_run(run.info.run_id)
        api.create_run(experiment, start_time=2000)
        api.create_run(other, run_name="of another experiment")
        return place / "mlruns" / "mlflow.db"


def described(run) -> dict[str, object]:
    info = {name: getattr(run.info, name) for name in COLUMNS}
    metrics = {name: str(value) for name, value in run.data.metrics.items()}  # nan is not equal to itself
    return {**info, "tags": dict(run.data.tags), "params": dict(run.data.params), "metrics": metrics}


def test_it_reads_what_mlflows_client_reads(made: Path, inside) -> None:
    api = MlflowClient(f"sqlite:///{made}")
    experiment = api.get_experiment_by_name("reccl").experiment_id
    theirs = api.search_runs([experiment], order_by=["attributes.start_time DESC"])
    ours = read_runs(made, "reccl")
    assert len(ours) == 4
    assert [described(run) for run in ours] == [described(run) for run in theirs]


def test_an_experiment_or_store_that_is_not_there_has_no_runs(made: Path, tmp_path: Path) -> None:
    assert read_runs(made, "nothing of the kind") == []
    assert read_runs(tmp_path / "none.db", "reccl") == []


def test_the_schema_that_is_known_is_that_of_the_installed_mlflow(made: Path) -> None:
    assert _get_latest_schema_revision() in SCHEMAS, "compare its tables with what tracking/database.py reads"
    with closing(sqlite3.connect(made)) as connection:
        assert connection.execute("select version_num from alembic_version").fetchone()[0] in SCHEMAS


@pytest.mark.parametrize("change", ["update alembic_version set version_num = 'x'", "drop table tags", "other file"])
def test_where_the_tables_are_others_mlflow_is_asked(made: Path, tmp_path: Path, change: str) -> None:
    copy = tmp_path / "copy.db"
    if change == "other file":
        copy.write_text("no database at all, and long enough to be read as one" * 20)
    else:
        copy.write_bytes(made.read_bytes())
        with closing(sqlite3.connect(copy)) as connection:
            connection.execute(change)
            connection.commit()
    assert read_runs(copy, "reccl") is None


def test_a_deleted_experiment_is_left_to_mlflow(made: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    copy.write_bytes(made.read_bytes())
    with closing(sqlite3.connect(copy)) as connection:
        connection.execute("update experiments set lifecycle_stage = 'deleted' where name = 'reccl'")
        connection.commit()
    assert read_runs(copy, "reccl") is None


def test_reading_writes_nothing(made: Path) -> None:
    before = made.read_bytes()
    made.chmod(0o444)
    assert read_runs(made, "reccl")
    assert made.read_bytes() == before
    assert {path.name for path in made.parent.iterdir()} <= {"mlflow.db", "artifacts", ".mlflow.db.lock"}
