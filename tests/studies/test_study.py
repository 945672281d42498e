"""A study from end to end: cells are kept, failures are rows, nothing is run twice, test rows choose nothing."""

import csv
import io
import json
from pathlib import Path

import polars as pl
import pytest
import yaml

import reccl
from reccl import tracking
from reccl.bundle import locate_bundled
from reccl.errors import RunError
from reccl.studies.ledger import open_ledger
from reccl.studies.result import StudyResult

SHOP = {"data": {"pipeline": "table", "interactions": "buys.csv", "split": {"kind": "random_per_user"}}}
UNLUCKY = {"name": "own", "data": "ml-100k", "scorer": {"class": "unlucky_scorer.Unlucky", "l2": 13}}
STUDY = {
    "name": "small",
    "metrics": ["ndcg_at_10", "recall_at_10"],
    "data": {"shop": SHOP},
    "configs": {
        "popularity": {"config": "methods/popularity", "space": "none"},
        "ease": "methods/ease",
        "fails": {"config": UNLUCKY, "space": "none"},
        "killed": {"config": UNLUCKY, "space": "none", "set": {"scorer.l2": 17}},
    },
    "seeds": [1, 2],
    "resplit": True,
    "set": {"training.refit": True},
}


def say_lines(patch: pytest.MonkeyPatch) -> list[str]:
    lines: list[str] = []
    patch.setattr("reccl.progress.TerminalProgress.say", lambda _, line: lines.append(line))
    return lines


@pytest.fixture(scope="module")
def found(shop: Path) -> StudyResult:
    return reccl.study(STUDY, jobs=2, progress=False)


def test_every_method_is_a_row_and_those_that_fail_say_why(found: StudyResult) -> None:
    rows = {row.method: row for row in found.rows}
    assert list(rows) == ["ease", "popularity", "fails", "killed"]  # best first, failed ones last
    assert "ZeroDivisionError: thirteen" in rows["fails"].note
    assert "2 of 2 failed: ended by SIGKILL; out of memory?" in rows["killed"].note
    assert found.failed == 2
    assert rows["ease"].low < rows["ease"].means["ndcg_at_10"] < rows["ease"].high
    assert rows["ease"].deviations["ndcg_at_10"] > 0
    assert rows["ease"].energy is None
    assert found.published == {}  # a split of one's own
    shown = found.claims_text()
    assert shown[0].startswith("ease above popularity on shop; effect +")
    assert sum("not compared" in line for line in shown) == 5


def test_runs_are_children_of_one_and_their_means_stand_in_the_table(found: StudyResult) -> None:
    parent = tracking.find(found.run)
    assert (parent.info.run_name, parent.info.status) == ("small (study)", "FINISHED")
    children = [run for run in tracking.runs() if run.data.tags.get("mlflow.parentRunId") == found.run]
    finished = [run for run in children if run.info.status == "FINISHED"]
    assert {run.info.run_id for run in finished} == set(found.runs)
    ease = [run.data.metrics["test/ndcg_at_10"] for run in finished if run.data.params["name"] == "ease"]
    row = next(row for row in found.rows if row.method == "ease")
    assert row.means["ndcg_at_10"] == pytest.approx(sum(ease) / 2)
    assert tracking.text_of(parent, "claims.txt").splitlines()[0] == found.claims_text()[0]


def test_the_tables_say_the_same_in_all_formats(found: StudyResult) -> None:
    row = next(row for row in found.rows if row.method == "ease")
    number = f"{row.means['ndcg_at_10']:.4f}"
    markdown, latex = found.markdown(), found.latex()
    assert markdown.splitlines()[0].startswith("| data | method | trials | runs | ndcg@10 | 95% interval | recall@10 |")
    assert len({line.count(" | ") for line in markdown.splitlines()}) == 1
    assert f"{number} ± {row.deviations['ndcg_at_10']:.4f}" in markdown
    assert number in latex
    assert r"\toprule" in latex
    assert latex.count(r"\begin{tabular}") == latex.count(r"\end{tabular}") == 1
    lines = list(csv.DictReader(io.StringIO(found.csv())))
    assert float(lines[0]["ndcg_at_10"]) == row.means["ndcg_at_10"]
    assert [line["method"] for line in lines] == [each.method for each in found.rows]
    assert lines[0]["energy_kwh"] == ""
    assert found.to_frame()["runs"].to_list() == [2, 2, 0, 0]
    for name in ("results.md", "results.tex", "results.csv", "claims.txt", "forest.png"):
        assert (found.folder / name).stat().st_size > 0


def test_the_same_study_again_runs_only_what_has_failed(found: StudyResult, monkeypatch: pytest.MonkeyPatch) -> None:
    lines = say_lines(monkeypatch)
    again = reccl.study(STUDY)
    assert sum(line.endswith("finished before") for line in lines) == 4
    assert sum("failed" in line for line in lines) == 4
    assert (again.run, set(again.runs)) == (found.run, set(found.runs))
    assert again.csv().splitlines()[:3] == found.csv().splitlines()[:3]


def test_a_cell_that_is_gone_from_the_folder_runs_again_alone(
    found: StudyResult, monkeypatch: pytest.MonkeyPatch
) -> None:
    few = {**STUDY, "configs": {name: STUDY["configs"][name] for name in ("popularity", "ease")}}
    gone = next(path for path in found.folder.glob("cell-*.json") if "ease, split 1" in path.read_text())
    gone.unlink()
    lines = say_lines(monkeypatch)
    again = reccl.study(few)
    assert sum(line.endswith("finished before") for line in lines) == 3
    assert len([line for line in lines if line.startswith("shop, ease, split 1, seed 1: ndcg_at_10 0.")]) == 1
    assert again.rows[0].means == next(row for row in found.rows if row.method == "ease").means


def test_two_processes_do_not_run_one_study(shop: Path) -> None:
    with open_ledger("held"), pytest.raises(RunError, match="'held' is being run by another process"):
        reccl.study({**STUDY, "name": "held"}, progress=False)


def test_every_method_has_the_same_budget_and_test_rows_choose_nothing(
    shop: Path, planted: pl.DataFrame, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With other test rows, and the same others, each tuning finds the same values."""
    pytest.importorskip("optuna")
    parts = planted.with_columns(
        place=pl.int_range(pl.len()).over("user"),
    ).with_columns(part=pl.when(pl.col("place") < 12).then(pl.lit("train")).when(pl.col("place") < 15)
                   .then(pl.lit("validation")).otherwise(pl.lit("test")))  # fmt: skip
    other = parts.with_columns(item=pl.when(pl.col("part") == "test").then(pl.col("item").reverse()).otherwise("item"))
    values = []
    for name, table in (("one", parts), ("other", other)):
        table.unique(["user", "item"], keep="first", maintain_order=True).write_csv(f"{name}.csv")
        data = {"pipeline": "table", "interactions": f"{name}.csv", "part": "part", "split": {"kind": "predefined"}}
        configs = {"ease": "methods/ease", "svd": "methods/svd"}
        configs["svd"] = {
            "config": "methods/svd",
            "set": {"scorer.dimension": 8},
            "space": {"scorer.dimension": [4, 8]},
        }
        budget = {"trials": 2}
        result = reccl.study(
            {"name": f"tuned-{name}", "data": {"shop": {"data": data}}, "configs": configs, "budget": budget,
             "set": {"training.refit": False}}, progress=False,
        )  # fmt: skip
        assert [row.trials for row in result.rows] == [2, 2]
        kept = [json.loads(path.read_text()) for path in result.folder.glob("tuned-*.json")]
        assert all(each["trials"] == 2 and not each["error"] for each in kept)
        values.append(sorted(json.dumps(each["values"], sort_keys=True) for each in kept))
        trials = [run for run in tracking.runs() if run.data.tags.get(tracking.KIND) == tracking.TRIAL]
        assert not [metric for run in trials for metric in run.data.metrics if metric.startswith("test/")]
    assert values[0] == values[1]


def test_ctrl_c_keeps_what_is_done(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from reccl.studies.study import Going

    keep = Going.keep

    def stop(self: Going, cell: object, result: object) -> None:
        keep(self, cell, result)
        raise KeyboardInterrupt

    few = {**STUDY, "name": "stopped", "configs": {name: STUDY["configs"][name] for name in ("popularity", "ease")}}
    with monkeypatch.context() as patch:
        patch.setattr(Going, "keep", stop)
        broken = reccl.study(few, progress=False)
    assert broken.interrupted
    assert sum(row.runs for row in broken.rows) == 1
    assert any("not finished" in row.note for row in broken.rows)
    assert tracking.find(broken.run).info.status == "KILLED"
    whole = reccl.study(few, progress=False)
    assert [row.runs for row in whole.rows] == [2, 2]
    assert set(broken.runs) < set(whole.runs)


def test_the_bundled_study_runs_on_other_data(shop: Path) -> None:
    written = yaml.safe_load((locate_bundled("configs") / "studies" / "closed-forms.yaml").read_text())
    small = {**written, "data": {"shop": SHOP}, "seeds": [42], "budget": {"trials": 0}}
    small["configs"]["svd"] = {"config": "methods/svd", "set": {"scorer.dimension": 8}}
    result = reccl.study(small, progress=False)
    assert not result.failed
    assert {row.runs for row in result.rows} == {1}
