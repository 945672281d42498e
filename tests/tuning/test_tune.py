"""A study from end to end, in processes of its own: failures survive, all is recorded, the best config trains."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import polars as pl
import pytest

import reccl
from reccl import tracking
from reccl.config import load
from reccl.errors import RunError
from reccl.experiment import run
from reccl.tuning.result import Tuning
from reccl.tuning.trial import COMPLETE, FAILED

SPACE = {
    "training": {"learning_rate": [0.02, 0.002]},
    "encoder": {"layers": {"low": 0, "high": 2}, "dimension": [8, 11, 13]},
}
OUTSIDE = '''\
"""An encoder that fails where its dimension is 11, and kills its process where it is 13."""

import os, signal
from reccl.encoders.lightgcn import LightGCN

class Unlucky(LightGCN):
    def build(self, *arguments, **named):
        if self.dimension == 13:
            os.kill(os.getpid(), signal.SIGKILL)
        if self.dimension == 11:
            raise ZeroDivisionError("eleven")
        return super().build(*arguments, **named)
'''


@pytest.fixture(scope="module")
def tuned(shop: Path) -> Tuning:
    """Eight trials, two at a time; some fail, some kill their process."""
    (shop / "unlucky.py").write_text(OUTSIDE)
    text = (shop / "planted.yaml").read_text().replace("kind: lightgcn", "class: unlucky.Unlucky")
    (shop / "unlucky.yaml").write_text(text.replace("name: planted", "name: unlucky"))
    sys.path.insert(0, str(shop))
    lines: list[str] = []
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("reccl.progress.TerminalProgress.say", lambda _, line: lines.append(line))
        result = reccl.tune("unlucky.yaml", SPACE, trials=8, jobs=2, track=True)
    sys.path.remove(str(shop))
    assert sum(line.startswith("trial ") for line in lines) == 8
    return result


@pytest.fixture
def importable(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(shop))


def test_trials_that_fail_are_kept_with_their_reason_and_the_study_goes_on(tuned: Tuning) -> None:
    assert tuned.budget.trials == 8
    failed = {trial.number: trial for trial in tuned.trials if trial.state == FAILED}
    unlucky = {trial.number: trial.values["encoder.dimension"] for trial in tuned.trials}
    assert failed.keys() == {number for number, dimension in unlucky.items() if dimension != 8}
    assert {unlucky[number] for number in failed} == {11, 13}
    for trial in failed.values():
        told = {11: "ZeroDivisionError: eleven (", 13: "ended by SIGKILL; out of memory?"}
        assert trial.error.startswith(told[trial.values["encoder.dimension"]])
    assert (tuned.budget.failed, tuned.budget.completed) == (len(failed), 8 - len(failed) - tuned.budget.pruned)
    assert tuned.best_trial.state == COMPLETE
    assert tuned.best_trial.value == max(trial.value for trial in tuned.trials if trial.state == COMPLETE)
    assert tuned.default_trial.values == {"training.learning_rate": 0.02, "encoder.layers": 1, "encoder.dimension": 8}


def test_the_best_config_trains_to_the_same_validation_metric(tuned: Tuning, importable: None) -> None:
    experiment = load(tuned.path)
    assert experiment == tuned.best
    assert experiment.name == "unlucky-tuned"
    outcome = run(experiment, device="cpu")
    assert outcome.metrics["validation"]["ndcg_at_10"] == tuned.best_trial.value
    assert outcome.refit is not None  # as the config says
    text = tuned.path.read_text()
    assert "interactions: buys.csv" in text
    assert len(text.splitlines()) < 30  # near the file that was tuned, without every default


def test_every_trial_is_a_child_of_one_run_and_none_holds_a_model_or_a_test_metric(tuned: Tuning) -> None:
    children = [run for run in tracking.runs() if run.data.tags.get("mlflow.parentRunId") == tuned.run]
    assert len(children) == 8
    by_name = {run.info.run_name: run for run in children}
    for trial in tuned.trials:
        child = by_name[f"unlucky-trial-{trial.number}"]
        assert child.info.status == ("FAILED" if trial.state == FAILED else "FINISHED")
        assert child.data.tags["trial.state"] == trial.state
        assert child.data.tags.get("trial.error", "") == trial.error
        assert child.data.params == {key: str(value) for key, value in trial.values.items()}
        assert not tracking.has_model(child)
        assert not [name for name in child.data.metrics if "test" in name]
        if trial.state == COMPLETE:
            assert child.data.metrics["validation_best/ndcg_at_10"] == trial.value
            history = tracking.client().get_metric_history(child.info.run_id, "validation/ndcg_at_10")
            assert [point.step for point in history] == list(range(1, trial.epochs + 1))


def test_the_study_s_run_holds_budget_plots_and_the_best_config(tuned: Tuning) -> None:
    parent = tracking.find(tuned.run)
    assert (parent.info.run_name, parent.info.status) == ("unlucky (tuning)", "FINISHED")
    assert json.loads(tracking.text_of(parent, "budget.json")) == vars(tuned.budget)
    assert parent.data.tags["reccl.tuning.space"] == tuned.budget.space
    assert parent.data.metrics["validation_default/ndcg_at_10"] == tuned.default_trial.value
    assert pl.read_csv(tracking.text_of(parent, "trials.csv").encode())["number"].to_list() == list(range(8))
    plots = tracking.client().list_artifacts(tuned.run, "plots")
    assert {Path(plot.path).name for plot in plots} >= {"history.png", "slices.png"}
    assert tracking.text_of(parent, "best.yaml").startswith("name: unlucky-tuned")


def test_the_same_study_again_trains_nothing_and_one_trial_more_is_one_trial(tuned: Tuning, importable: None) -> None:
    again = reccl.tune("unlucky.yaml", SPACE, trials=8, jobs=2, track=True, progress=False)
    assert (again.trials, again.run) == (tuned.trials, tuned.run)
    assert again.budget.seconds == tuned.budget.seconds
    more = reccl.tune("unlucky.yaml", SPACE, trials=9, track=True, progress=False)
    assert more.trials[:8] == tuned.trials
    assert more.budget.trials == 9
    assert more.run == tuned.run


def test_a_worker_that_cannot_start_ends_the_study(shop: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("reccl.tuning.workers.CODE", "import no_such_module")
    with pytest.raises(RunError, match="cannot start: ModuleNotFoundError: No module named 'no_such_module'; see"):
        reccl.tune("planted.yaml", {"encoder.layers": [1, 2]}, name="unstarted", progress=False)


def test_no_trial_begins_after_the_minutes_are_over(shop: Path) -> None:
    tuned = reccl.tune(
        "planted.yaml", {"encoder.layers": [1, 2]}, name="brief", minutes=1e-6, trials=50, progress=False
    )
    assert [trial.default for trial in tuned.trials] == [True]
    assert not tuned.run


def test_values_that_are_good_alone_and_not_together_fail_their_trial_alone(shop: Path) -> None:
    encoder = {"kind": "ngcf", "dimension": 16, "layers": 1}
    space = {"encoder": {"dimension": [4, 16], "layers": [1, 4]}}
    tuned = reccl.tune("planted.yaml", space, name="together", trials=8, progress=False, encoder=encoder)
    failed = [trial for trial in tuned.trials if trial.state == FAILED]
    assert failed
    for trial in failed:
        assert trial.values == {"encoder.dimension": 4, "encoder.layers": 4}
        assert "dimension 4 is too small for 5 parts" in trial.error


def test_a_frame_in_memory_is_tuned_on(planted: pl.DataFrame, shop: Path) -> None:
    data = reccl.Dataset.from_frame(planted, split={"kind": "random_per_user", "seed": 3})
    space = {"scorer.l2": {"low": 1, "high": 1e4, "log": True}}
    tuned = reccl.tune("methods/ease", space, data, trials=5, progress=False)
    assert tuned.importances == {"scorer.l2": 1.0}
    assert tuned.to_frame()["value"].max() == tuned.best_trial.value
    best = reccl.train(tuned.best, data, progress=False)
    assert best.metrics["validation"]["ndcg_at_10"] == tuned.best_trial.value


def test_ctrl_c_keeps_what_is_done_and_the_same_command_goes_on(shop: Path) -> None:
    (shop / "space.yaml").write_text("training.learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}\n")
    settings = ("--set", "training.epochs=30", "--set", "training.patience=null")
    words = [sys.executable, "-m", "reccl", "tune", "--config", "planted.yaml", "--space", "space.yaml", *settings]
    piped = {
        "env": {**os.environ, "PYTHONPATH": str(Path(reccl.__file__).parents[1])},
        "stdout": subprocess.PIPE,
        "stderr": subprocess.PIPE,
        "text": True,
    }
    with subprocess.Popen([*words, "--name", "stopped", "--trials", "40"], **piped) as process:
        assert process.stderr
        while not process.stderr.readline().startswith("trial 1:"):
            assert process.poll() is None
        time.sleep(0.3)
        process.send_signal(signal.SIGINT)
        out, told = process.communicate(timeout=60)
    assert process.returncode == 130, told
    assert told.splitlines()[-1] == "stopped by hand: the same command goes on"
    assert "best config: best-stopped.yaml" in out
    parent = next(run for run in tracking.runs() if run.info.run_name == "stopped (tuning)")
    children = [run for run in tracking.runs() if run.data.tags.get("mlflow.parentRunId") == parent.info.run_id]
    assert parent.info.status == "KILLED"
    assert sorted({run.info.status for run in children}) == ["FINISHED", "KILLED"]
    done = sum(run.info.status == "FINISHED" for run in children)
    enough = ("--name", "stopped", "--trials", str(done + 1), "--json", "--quiet")
    answer = subprocess.run([*words, *enough], check=True, **piped)
    told_again = json.loads(answer.stdout)
    states = [trial["state"] for trial in told_again["trials"]]
    assert states.count("broken off") == 1
    broken = states.index("broken off")
    assert told_again["trials"][-1]["values"] == told_again["trials"][broken]["values"]
    assert told_again["budget"]["trials"] == done + 1
    assert told_again["run"] == parent.info.run_id
    assert tracking.find(parent.info.run_id).info.status == "FINISHED"
