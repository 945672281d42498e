"""`reccl bench` trains row after row, goes on after a failure, and records the table with the runs below it."""

import json
from pathlib import Path

import polars as pl
import pytest

from reccl.bench import Figure, Row, Task
from reccl.data.dataset import Dataset
from reccl.published import PublishedSplit

TASK = Task("planted", "The planted world", 10)
POPULAR = ("name=popular", "encoder=null", "objective={}", "scorer.kind=popularity")


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch, planted: pl.DataFrame) -> None:
    """A bench of one config that runs, and one whose data is not there."""
    rows = (
        Row("planted", "planted.yaml", (*POPULAR, "data.timestamp=timestamp")),
        Row("planted", "planted.yaml", ("data.interactions=gone.csv",)),
        Row("planted", "slow.yaml", quick=False),
    )
    figures = (
        Figure("the planted split", "Always right", 1.0, 1.0, "picked on test", "nowhere [0]"),
        Figure("another split", "Not shown", 1.0, 1.0, "picked on test", "nowhere [0]"),
    )
    splits = (
        PublishedSplit("the planted split", "one table", Dataset.from_frame(planted).digest.test, 10),
        PublishedSplit("another split", "the same table", "0" * 32, 10),
    )
    monkeypatch.setattr(Task, "settings", lambda task: ("evaluation.cutoffs=[10]",))
    monkeypatch.setattr("reccl.bench.rows.TASKS", (TASK,))
    monkeypatch.setattr("reccl.bench.rows.ROWS", rows)
    monkeypatch.setattr("reccl.published.PUBLISHED", figures)
    monkeypatch.setattr("reccl.published.SPLITS", splits)


def test_a_row_that_fails_is_told_and_the_others_go_on(fresh, small: None) -> None:
    answer = fresh("bench", "--quick")
    assert answer.code == 1
    heads = [line.split(" [")[0] for line in answer.out.splitlines() if "[" in line and not line.startswith("[")]
    assert heads == ["Always right", "planted.yaml", "planted.yaml"]
    assert "failed: no file or folder gone.csv; the table files there are: buys.csv" in answer.out
    assert "picked on test; nowhere [0]" in answer.out
    assert "1/2  reccl train --config planted.yaml --set evaluation.cutoffs=[10]" in answer.err
    runs = {run["name"]: run for run in json.loads(fresh("runs", "--json").out)}
    assert {name: run["status"] for name, run in runs.items()} == {"bench": "FINISHED", "popular": "FINISHED"}
    assert runs["popular"]["id"][:8] in answer.out
    (stored,) = Path(fresh.folder, "mlruns", "artifacts").glob(f"{runs['bench']['id']}/artifacts")
    assert {path.name for path in stored.iterdir()} == {"bench.csv", "bench.md"}
    assert "| **planted.yaml** |" in (stored / "bench.md").read_text()


def test_scripts_get_json_and_the_runs_are_children_of_one(fresh, small: None, inside) -> None:
    answer = fresh("bench", "--quick", "--json", "--quiet")
    assert answer.err == ""
    told = json.loads(answer.out)
    assert told["failed"] == 1
    assert [line["ours"] for line in told["lines"]] == [False, True, True]
    ours = told["lines"][1]
    assert 0 < ours["ndcg"] < 1
    assert ours["peak"] > 0
    from reccl import tracking

    with inside(fresh.folder):
        child = tracking.find(ours["source"])
        assert child.data.tags["mlflow.parentRunId"] == told["run"]
        assert child.data.metrics["test/ndcg_at_10"] == ours["ndcg"]
        assert tracking.find(told["run"]).data.metrics["failed"] == 1


def test_an_unknown_data_set_is_one_line(fresh) -> None:
    assert fresh("bench", "--data", "gowala").refusal(2).startswith("--data 'gowala' is not in the bench; did you mean")


def test_stopping_by_hand_marks_the_bench_killed(fresh, small: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def stop(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("reccl.bench.run", stop)
    assert fresh("bench").code == 130
    (run,) = json.loads(fresh("runs", "--json").out)
    assert (run["name"], run["status"]) == ("bench", "KILLED")
