"""One config in, one recorded run with its metrics and its model out; the same seed gives the same numbers."""

import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import polars as pl
import pytest

from reccl import tracking
from reccl.config import Experiment, dump, flatten, load, loads
from reccl.config_file import write_override
from reccl.errors import DataError, TrainingError
from reccl.experiment import run as run_experiment
from reccl.losses import InfoNCE
from reccl.outcome import Outcome, RunCallback
from reccl.tracking import Tracker
from reccl.training import Epoch

CONFIG = """\
name: planted
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: matrix_factorization, dimension: 16}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
  l2: {kind: l2}
training: {epochs: 4, batch_size: 512, learning_rate: 0.02}
evaluation: {cutoffs: [5, 10]}
"""


@dataclass
class Listener(RunCallback):
    """Remembers what it hears; can fail in a given epoch."""

    fail: BaseException | None = None
    within: int = 0
    heard: list[str] = field(default_factory=list)
    epochs: int = 0

    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.heard.append(f"begin {epochs} x {steps}")

    def on_step_end(self) -> None:
        if self.fail and self.within == self.epochs + 1:
            raise self.fail

    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        self.epochs = record.number
        self.heard.append(f"epoch {record.number}")


@dataclass
class Recorded:
    """An outcome and the run that holds it."""

    outcome: Outcome
    run: str

    def __getattr__(self, name: str) -> object:
        metrics = self.outcome.metrics
        return metrics.get(name, {}) if name in ("validation", "test", "best_on_test") else getattr(self.outcome, name)


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame, inside) -> Iterator[Path]:
    """A user's folder: one CSV, one config; the run store appears in it."""
    place = tmp_path_factory.mktemp("shop")
    planted.write_csv(place / "buys.csv")
    (place / "planted.yaml").write_text(CONFIG)
    with inside(place):
        yield place


@pytest.fixture(scope="module")
def experiment(folder: Path) -> Experiment:
    return load("planted.yaml")


@pytest.fixture(scope="module")
def said() -> list[str]:
    return []


@pytest.fixture(scope="module")
def outcome(experiment: Experiment, said: list[str]) -> Recorded:
    return run(experiment, log=said.append)


def run(experiment: Experiment, listener: RunCallback | None = None, log=lambda _: None) -> Recorded:
    tracker = Tracker()
    outcome = run_experiment(experiment, device="cpu", callbacks=[tracker, listener or Listener()], log=log)
    return Recorded(outcome, tracker.run_id)


def changed(*overrides: str) -> Experiment:
    return load("planted.yaml", overrides)


class TestOutcome:
    def test_every_metric_is_measured_on_both_held_out_parts(self, experiment: Experiment, outcome: Recorded) -> None:
        plain = [{name for name in side if "/" not in name} for side in (outcome.validation, outcome.test)]
        assert plain == [set(experiment.evaluation.metric_names())] * 2
        assert all(0 <= value <= 1 for value in (*outcome.validation.values(), *outcome.test.values()))

    def test_the_model_learns_what_the_planted_world_holds(self, outcome: Recorded) -> None:
        popularity = run(changed("encoder=null", "objective={}", "scorer={kind: popularity}", "name=popular"))
        assert outcome.test["recall_at_10"] > 1.3 * popularity.test["recall_at_10"]

    def test_the_chosen_epoch_is_the_one_with_the_best_validation(self, outcome: Recorded) -> None:
        scores = [record.validation["ndcg_at_10"] for record in outcome.fit.history]
        assert outcome.fit.best_epoch == 1 + scores.index(max(scores))
        assert outcome.validation["ndcg_at_10"] == pytest.approx(max(scores), abs=1e-9)

    def test_times_and_memory_are_told(self, outcome: Recorded) -> None:
        assert {"prepare_seconds", "train_seconds", "evaluate_seconds", "peak_memory_gib"} <= set(outcome.timing)
        assert "refit_seconds" not in outcome.timing
        assert all(value > 0 for value in outcome.timing.values())

    def test_rows_and_sizes_are_said_on_the_way(self, outcome: Recorded, said: list[str]) -> None:
        assert any(line.startswith("rows: 3,600 read") for line in said)
        assert any(line.startswith("data: 200 users x 120 items; train ") for line in said)

    def test_the_same_seed_gives_the_same_numbers_and_another_does_not(self, outcome: Recorded) -> None:
        again = run(changed())
        assert again.test == outcome.test
        assert again.validation == outcome.validation
        assert [record.losses for record in again.fit.history] == [record.losses for record in outcome.fit.history]
        assert run(changed("seed=43")).test != outcome.test


class TestRecord:
    def test_the_run_is_finished_and_named(self, outcome: Recorded) -> None:
        found = tracking.find(outcome.run)
        assert found.info.status == "FINISHED"
        assert found.info.run_name == "planted"
        assert {"reccl.version", "reccl.fingerprint", "reccl.name", "reccl.model"} <= set(found.data.tags)
        assert "reccl.interrupted" not in found.data.tags
        assert found.data.tags["data.users"] == "200"

    def test_its_parameters_are_the_flat_config_with_every_default(
        self, experiment: Experiment, outcome: Recorded
    ) -> None:
        expected = {key: str(value) for key, value in flatten(experiment).items()}
        assert tracking.find(outcome.run).data.params == expected
        assert expected["objective.ranking.loss.temperature"] == "0.2"

    def test_its_config_loads_to_the_same_experiment(self, experiment: Experiment, outcome: Recorded) -> None:
        text = tracking.text_of(tracking.find(outcome.run), "config.yaml")
        assert text == dump(experiment)
        assert loads(text) == experiment

    def test_metrics_are_recorded_every_epoch_and_at_the_end(self, outcome: Recorded) -> None:
        api = tracking.client()
        for name in ("train/ranking", "train/l2", "validation/ndcg_at_10", "train/learning_rate", "time/epoch_seconds"):
            assert [point.step for point in api.get_metric_history(outcome.run, name)] == [1, 2, 3, 4], name
        metrics, shown = tracking.metrics_of(tracking.find(outcome.run)), tracking.find(outcome.run).data.metrics
        assert {name for name in shown if name.startswith("test/")} == {
            f"test/{name}" for name in outcome.test if name.startswith(("ndcg_at_", "recall_at_"))
        }
        assert {name: metrics[f"test/{name}"] for name in outcome.test} == outcome.test
        assert {name: metrics[f"validation_best/{name}"] for name in outcome.validation} == outcome.validation
        assert metrics["best_epoch"] == outcome.fit.best_epoch
        assert metrics["time/peak_memory_gib"] > 0

    def test_the_three_parts_are_its_inputs(self, outcome: Recorded) -> None:
        inputs = tracking.client().get_run(outcome.run).inputs.dataset_inputs
        contexts = {tag.value for entry in inputs for tag in entry.tags if tag.key == "mlflow.data.context"}
        assert contexts == {"training", "validation", "test"}
        assert len({entry.dataset.name for entry in inputs}) == 3
        assert len({entry.dataset.digest for entry in inputs}) == 1  # that of the data set as it was split

    def test_its_files_say_what_rows_and_what_versions(self, folder: Path, outcome: Recorded) -> None:
        found = tracking.find(outcome.run)
        names = {entry.path for entry in tracking.client().list_artifacts(outcome.run)}
        assert {"config.yaml", "rows.txt", "environment.txt", "checkpoint"} <= names
        assert "3,600  read" in tracking.text_of(found, "rows.txt")
        assert "\ntorch 2" in tracking.text_of(found, "environment.txt")
        assert Path(found.info.artifact_uri.removeprefix("file://")).is_relative_to(folder / "mlruns" / "artifacts")

    def test_its_model_is_the_one_that_was_measured(self, experiment: Experiment, outcome: Recorded) -> None:
        from reccl.data.prepare import prepare
        from reccl.fitting import measure_part

        model = tracking.model_of(tracking.find(outcome.run))
        again = measure_part(model.scorer, prepare(experiment.data), "test", experiment)
        assert again.means() == pytest.approx(outcome.test)


class TestWays:
    def test_a_refit_trains_anew_on_train_and_validation_rows(self, outcome: Recorded) -> None:
        refitted = run(changed("training.refit=true"), listener := Listener())
        assert refitted.validation == outcome.validation
        assert refitted.test != outcome.test
        assert listener.heard[-1] == f"epoch {refitted.fit.best_epoch}"
        assert len([line for line in listener.heard if line.startswith("begin")]) == 2
        assert refitted.timing["refit_seconds"] > 0

    def test_without_validation_rows_the_last_epoch_counts(self) -> None:
        whole = run(changed("data.split={kind: random_per_user, validation: 0}"))
        assert whole.validation == {}
        assert whole.fit.best_epoch == 4
        assert whole.test["recall_at_10"] > 0

    def test_popularity_needs_no_encoder_and_no_epoch(self) -> None:
        popular = run(changed("encoder=null", "objective={}", "scorer={kind: popularity}"), listener := Listener())
        assert listener.heard == []
        assert popular.fit.best_epoch == 0
        assert popular.test["recall_at_10"] > 0
        found = tracking.find(popular.run)
        assert tracking.has_model(found)
        assert "checkpoint" not in {entry.path for entry in tracking.client().list_artifacts(popular.run)}

    def test_the_second_run_reuses_the_prepared_data(self, outcome: Recorded) -> None:
        run(changed("training.epochs=1"), log=(lines := []).append)
        assert any(line.startswith("reusing prepared data ") for line in lines)


class TestEnds:
    def test_stopping_by_hand_keeps_the_best_epoch_and_marks_the_run(self) -> None:
        stopped = run(changed("training.refit=true"), Listener(KeyboardInterrupt(), within=3))
        assert stopped.interrupted
        assert len(stopped.fit.history) == 2
        assert stopped.test["recall_at_10"] > 0
        assert "refit_seconds" not in stopped.timing
        found = tracking.find(stopped.run)
        assert found.info.status == "KILLED"
        assert found.data.tags["reccl.interrupted"] == "true"
        assert len(tracking.model_of(found).user_ids) == 200

    def test_stopping_by_hand_while_refitting_tests_the_chosen_model_not_half_a_refit(self) -> None:
        chosen = run(changed("training.epochs=2"))
        stopped = run(changed("training.refit=true", "training.epochs=2"), Listener(KeyboardInterrupt(), within=3))
        assert stopped.interrupted
        assert stopped.test == chosen.test
        assert tracking.find(stopped.run).info.status == "KILLED"

    def test_a_training_that_fails_is_marked_failed_and_holds_no_model(self) -> None:
        with pytest.raises(TrainingError, match="boom"):
            run(changed("name=failing"), Listener(TrainingError("boom"), within=2))
        found = tracking.find("failing")
        assert found.info.status == "FAILED"
        assert not tracking.has_model(found)
        assert tracking.find("latest").info.run_name != "failing"

    def test_a_loss_that_is_not_finite_says_what_to_lower(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(InfoNCE, "__call__", lambda _, pairs: pairs.anchor.sum() * float("nan"))
        with pytest.raises(TrainingError, match=r"objective\.ranking became .* lower training\.learning_rate"):
            run(changed("name=diverging"))
        assert tracking.find("diverging").info.status == "FAILED"

    def test_what_fails_before_training_leaves_no_run(self) -> None:
        count = len(tracking.runs())
        with pytest.raises(TrainingError, match="unknown device 'gpu'; choose auto, cpu, cuda or cuda:N"):
            run_experiment(changed(), device="gpu")
        with pytest.raises(DataError, match=r"no column 'costumer'"):
            run(changed("data.user=costumer"))
        assert len(tracking.runs()) == count


class TestBestOnTest:
    def test_the_best_look_is_reported_and_chooses_nothing(self, outcome: Recorded) -> None:
        looked = run(changed("training.best_on_test=true", "training.evaluate_every=2"))
        plain = run(changed("training.evaluate_every=2"))
        assert looked.test == plain.test and looked.fit.best_epoch == plain.fit.best_epoch
        looks = {record.number: record.test["ndcg_at_10"] for record in looked.fit.history if record.test}
        assert set(looks) == {2, 4}
        assert looked.best_on_test["ndcg_at_10"] == max(looks.values()) == looks[int(looked.best_on_test["epoch"])]
        assert not outcome.best_on_test and not plain.best_on_test

    def test_it_is_taken_from_the_refit_where_there_is_one(self) -> None:
        refitted = run(changed("training.best_on_test=true", "training.refit=true"))
        assert not any(record.test for record in refitted.fit.history)
        assert refitted.best_on_test["ndcg_at_10"] >= refitted.test["ndcg_at_10"]
        curve = tracking.client().get_metric_history(refitted.run, "test_curve/ndcg_at_10")
        assert [point.step for point in curve] == list(range(1, refitted.fit.best_epoch + 1))


class TestScorersThatLeaveSomethingOpen:
    BLEND = (
        "scorer={kind: blend, parts: {vectors: {kind: embedding}, noise: {kind: random}, ease: {kind: ease, l2: 20}}}"
    )

    def test_validation_chooses_the_weights_the_refit_keeps_them_and_the_run_says_them(self, folder: Path) -> None:
        lines: list[str] = []
        outcome = run(changed(self.BLEND, "training.refit=true", "name=blended"), log=lines.append)
        selected = json.loads(tracking.text_of(tracking.find(outcome.run), "selected.json"))
        assert selected["scorer.weights.noise"] <= 0.5 < selected["scorer.weights.ease"]  # all start at 1
        assert "scorer.tune_weights" not in selected
        assert f"selected on validation: {', '.join(write_override(*each) for each in selected.items())}" in lines
        even = run(changed(self.BLEND, "scorer.tune_weights=false", "name=even"), log=lines.append)
        assert outcome.validation["ndcg_at_10"] > even.validation["ndcg_at_10"]
        assert len([line for line in lines if line.startswith("selected on")]) == 1

    def test_a_blend_of_closed_forms_needs_no_encoder(self) -> None:
        outcome = run(changed("encoder=null", "objective={}", "scorer={kind: blend}", "name=closed"))
        assert outcome.test["recall_at_10"] > 0.2
