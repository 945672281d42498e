"""What MLflow's pages show of a run: a dozen metrics, names, tags, data sets, seeds below one parent."""

import json
from pathlib import Path

import pytest

from reccl import tracking
from reccl.config import Experiment
from reccl.experiment import run as run_experiment
from reccl.tracking.label import label_tags, name_data, name_model, name_run
from reccl.tracking.tracker import SWITCH

HEADLINE = {
    "test/ndcg_at_10",
    "test/recall_at_10",
    "validation_best/ndcg_at_10",
    "time/train_seconds",
    "time/peak_memory_gib",
    "time/estimated_memory_gib",
    "best_epoch",
}
CURVES = {"train/ranking", "train/learning_rate", "validation/ndcg_at_10", "validation/recall_at_10"}


class TestARun:
    def test_has_a_dozen_metrics_and_all_others_in_a_file(self, whole: str) -> None:
        run = tracking.find(whole)
        assert set(run.data.metrics) == HEADLINE | CURVES | {"time/epoch_seconds"}
        everything = tracking.metrics_of(run)
        assert len(everything) > 4 * len(run.data.metrics)
        assert everything["test/map_at_10"] > 0
        assert {name: everything[name] for name in run.data.metrics} == run.data.metrics

    def test_of_an_older_version_has_its_metrics_in_mlflow_alone(self, shop: Path) -> None:
        api = tracking.client()
        old = api.create_run(tracking.experiment_id(api), run_name="old").info.run_id
        api.log_metric(old, "test/map_at_10", 0.25)
        assert tracking.metrics_of(api.get_run(old)) == {"test/map_at_10": 0.25}
        api.set_terminated(old)

    def test_says_in_tags_what_it_is(self, whole: str) -> None:
        tags = tracking.find(whole).data.tags
        told = {name: tags[name] for name in ("data", "config", "encoder", "loss", "scorer")}
        assert told == {
            "data": "buys",
            "config": "planted",
            "encoder": "lightgcn",
            "loss": "info_nce",
            "scorer": "embedding",
        }
        assert {"reccl.version", "host"} <= set(tags)

    def test_is_found_by_its_own_name_and_by_that_of_its_config(self, shop: Path) -> None:
        api = tracking.client()
        made = api.create_run(tracking.experiment_id(api), run_name="buys-table", tags={"reccl.name": "table"})
        api.set_terminated(made.info.run_id)
        assert {tracking.find(name).info.run_id for name in ("table", "buys-table")} == {made.info.run_id}

    def test_its_data_sets_have_names_and_contexts(self, whole: str) -> None:
        used = tracking.client().get_run(whole).inputs.dataset_inputs
        assert {(each.dataset.name, each.tags[0].value) for each in used} == {
            ("buys-train", "training"),
            ("buys-validation", "validation"),
            ("buys-test", "test"),
        }

    def test_its_model_has_its_name_and_its_metrics_on_their_data(self, whole: str) -> None:
        run, api = tracking.find(whole), tracking.client()
        (model,) = api.search_logged_models([run.info.experiment_id], filter_string=f"source_run_id='{whole}'")
        assert model.name == "planted"
        assert {metric.key for metric in model.metrics} == HEADLINE
        tested = next(metric for metric in model.metrics if metric.key == "test/ndcg_at_10")
        assert (tested.dataset_name, tested.value) == ("buys-test", run.data.metrics["test/ndcg_at_10"])


def test_seeds_are_below_a_parent_with_their_means_and_deviations(shop: Path, experiment: Experiment) -> None:
    outcomes, ids = [], []
    with tracking.seeds_run("planted", {"name": "planted", "data.interactions": "buys.csv"}, (1, 2)) as parent:
        for seed in (1, 2):
            tracker = tracking.Tracker(parent=parent.id, suffix=f"-seed-{seed}")
            seeded = experiment.model_copy(update={"seed": seed})
            outcomes.append(run_experiment(seeded, device="cpu", callbacks=[tracker]))
            ids.append(tracker.run_id)
        tracking.record_means(parent, outcomes)
    runs = {run.info.run_id: run for run in tracking.runs()}
    above, children = runs[parent.id], [runs[one] for one in ids]
    assert above.info.run_name == "planted (2 seeds)"
    assert above.info.status == "FINISHED"
    assert [child.info.run_name for child in children] == ["planted-seed-1", "planted-seed-2"]
    assert {child.data.tags["mlflow.parentRunId"] for child in children} == {parent.id}
    one, two = (child.data.metrics["test/ndcg_at_10"] for child in children)
    assert above.data.metrics["test/ndcg_at_10"] == pytest.approx((one + two) / 2)
    assert above.data.metrics["test/ndcg_at_10_deviation"] == pytest.approx(abs(one - two) / 2**0.5)


@pytest.mark.parametrize(
    ("parameters", "name"),
    [
        ({"data.source": "ml-100k", "data.pipeline": "movielens"}, "ml-100k"),
        ({"data.source": "None", "data.interactions": "in/orders.csv.gz", "data.pipeline": "table"}, "orders"),
        ({"data.interactions.rows": 4, "data.pipeline": "frame"}, "dataframe"),
        ({"data.pipeline": "mine/shop.py", "data.source": None}, "shop"),
        ({}, "dataframe"),
    ],
)
def test_data_has_a_name(parameters: dict[str, object], name: str) -> None:
    assert name_data(parameters) == name
    assert json.dumps(label_tags(parameters))
    assert "None" not in name_run("table", parameters)


def test_a_model_may_not_have_every_name() -> None:
    assert name_model("a/b: 50% 'x.y'") == "a-b- 50- -x-y"


def test_a_run_is_described_and_has_a_card_and_plots(
    shop: Path, experiment: Experiment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(SWITCH, "1")
    tracker = tracking.Tracker()
    run_experiment(experiment, device="cpu", callbacks=[tracker])
    run, api = tracking.find(tracker.run_id), tracking.client()
    note, card = run.data.tags["mlflow.note.content"], tracking.text_of(run, "model_card.md")
    value = f"{run.data.metrics['test/ndcg_at_10']:.4f}"
    for text in (note, card):
        assert value in text
        assert "**buys** (split " in text
    assert f'reccl.load(run="{run.info.run_id}")' in card
    assert "| head items |" in card
    drawn = {Path(each.path).name for each in api.list_artifacts(run.info.run_id, "plots")}
    assert drawn == {"learning.png", "groups.png", "scores.png", "embeddings.png"}


def test_the_environment_can_leave_the_plots_out(monkeypatch: pytest.MonkeyPatch) -> None:
    drawing = []
    for value in ("0", "1", ""):
        monkeypatch.setenv(SWITCH, value)
        drawing.append(tracking.Tracker().plots)
    assert drawing == [False, True, True]
    assert not tracking.Tracker(plots=False).plots
