"""Runs on splits with cold users and items: what chooses the epoch, and what is recorded."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polars as pl
import pytest

from reccl import tracking
from reccl.cli.train import select_metrics
from reccl.config import load
from reccl.data.prepare import prepare
from reccl.errors import ConfigError
from reccl.evaluation.result import select_metric
from reccl.experiment import run as run_experiment
from reccl.outcome import Outcome
from reccl.recommend import extend_model, recommend
from reccl.tracking import Tracker

CONFIG = """\
name: cold
data:
  pipeline: table
  interactions: buys.csv
  items: items.csv
  users: users.csv
  split: {kind: cold_items, cold: 0.3}
encoder: {kind: two_tower, dimension: 8, hidden: [8]}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 2, batch_size: 512, learning_rate: 0.02, metric: harmonic/ndcg_at_10}
"""


@pytest.fixture(scope="module", autouse=True)
def folder(
    tmp_path_factory: pytest.TempPathFactory,
    planted: pl.DataFrame,
    planted_users: pl.DataFrame,
    planted_items: pl.DataFrame,
    inside,
) -> Iterator[Path]:
    """A user's folder with described users and items."""
    place = tmp_path_factory.mktemp("shop")
    planted.write_csv(place / "buys.csv")
    planted_users.drop("tags").write_csv(place / "users.csv")
    planted_items.drop("tags").write_csv(place / "items.csv")
    (place / "cold.yaml").write_text(CONFIG)
    with inside(place):
        yield place


@dataclass
class Recorded:
    """An outcome and the run that holds it."""

    outcome: Outcome
    run: str

    def __getattr__(self, name: str) -> object:
        return self.outcome.metrics[name] if name in ("validation", "test") else getattr(self.outcome, name)


def run(*overrides: str) -> Recorded:
    outcome = run_experiment(load("cold.yaml", overrides), device="cpu", callbacks=[tracker := Tracker()])
    return Recorded(outcome, tracker.run_id)


@pytest.fixture(scope="module")
def outcome() -> Recorded:
    return run()


class TestRuns:
    def test_a_groups_metric_chooses_the_epoch(self, outcome: Recorded) -> None:
        scores = [record.validation["harmonic/ndcg_at_10"] for record in outcome.fit.history]
        assert outcome.fit.best == max(scores) > 0
        assert outcome.fit.best_epoch == 1 + scores.index(max(scores))
        assert outcome.validation["harmonic/ndcg_at_10"] == pytest.approx(max(scores), abs=1e-9)

    def test_every_group_of_the_test_rows_is_recorded(self, outcome: Recorded) -> None:
        groups = {name.partition("/")[0] for name in outcome.test if "/" in name}
        assert {"cold", "warm", "overall", "harmonic", "cold_items", "head_items", "tail_users"} <= groups
        metrics = tracking.metrics_of(tracking.find(outcome.run))
        assert {name: metrics[f"test/{name}"] for name in outcome.test} == outcome.test

    def test_tables_tell_of_cold_items_and_not_of_users_who_are_all_warm(self, outcome: Recorded) -> None:
        assert outcome.cold_sides == ("items",)
        rows = select_metrics(outcome.test, outcome.cold_sides)
        assert {"cold/recall_at_20", "warm/ndcg_at_20", "overall/ndcg_at_20", "harmonic/ndcg_at_20"} <= set(rows)
        assert [name for name in select_metrics(outcome.test, ()) if "/" in name] == []

    def test_an_accidental_cold_item_is_recorded_and_not_in_the_table(self, planted: pl.DataFrame) -> None:
        """One pair in a thousand held out, of an item that is otherwise unknown."""
        rows = planted.with_row_index().with_columns(
            part=pl.when(pl.col("index") % 5 > 0).then(pl.lit("train")).otherwise(pl.lit("test"))
        )
        known = rows.filter(pl.col("part") == "train")["item"].implode()
        rows = rows.filter(pl.col("item").is_in(known)).drop("index")
        strange = rows.filter(pl.col("part") == "test").head(1).with_columns(item=pl.lit(99999, pl.Int64))
        pl.concat([rows, strange]).write_csv("parts.csv")
        data = "data={pipeline: table, interactions: parts.csv, part: part, split: {kind: predefined}}"
        made = run(data, "training.metric=ndcg_at_10")
        recorded = tracking.metrics_of(tracking.find(made.run))
        assert {"test/cold/recall_at_20", "test/harmonic/recall_at_20"} <= set(recorded)
        assert made.cold_sides == ()

    def test_every_users_test_metrics_are_kept_by_raw_id(self, outcome: Recorded, planted: pl.DataFrame) -> None:
        kept = tracking.per_user_of(tracking.find(outcome.run))
        assert set(kept["user"]) <= set(planted["user"])
        for name in ("recall_at_10", "cold/ndcg_at_20", "tail_users/ndcg_at_10", "overall/mrr_at_10"):
            assert select_metric(kept, name)["value"].mean() == pytest.approx(outcome.test[name], abs=1e-6)

    def test_a_recorded_run_of_two_towers_serves_new_users_and_new_items_from_their_features(
        self, outcome: Recorded, planted_users: pl.DataFrame, planted_items: pl.DataFrame
    ) -> None:
        model = tracking.model_of(tracking.find(outcome.run))
        users = planted_users.head(5).with_columns(user="new" + pl.col("user")).drop("tags")
        items = planted_items.with_columns(pl.col("item") + 1000).drop("tags")
        extended = extend_model(model, new_users=users, new_items=items)
        table = pl.concat(recommend(extended, users["user"], 240))
        assert table["user"].unique().sort().to_list() == users["user"].to_list()
        assert table["source"].unique().to_list() == ["content"]
        assert table.filter(pl.col("item") > 1000).height == 5 * 120

    def test_alpharec_ranks_cold_and_new_items_by_their_features_from_a_recorded_run(
        self, planted: pl.DataFrame, planted_items: pl.DataFrame
    ) -> None:
        recorded = run("encoder={kind: alpharec, dimension: 8, hidden: [16]}", "training.epochs=8")
        by_chance = run("encoder=null", "objective={}", "scorer={kind: random}", "training.metric=ndcg_at_10")
        assert recorded.test["cold/ndcg_at_10"] > 1.5 * by_chance.test["cold/ndcg_at_10"]
        items = planted_items.with_columns(pl.col("item") + 1000).drop("tags")  # each a twin of a known one
        model = tracking.model_of(tracking.find(recorded.run))
        table = pl.concat(recommend(extend_model(model, new_items=items), planted["user"].unique()[:5], 240))
        later = table.filter(pl.col("item") > 1000)
        assert later.height == 5 * 120
        pairs = later.with_columns(pl.col("item") - 1000).join(table, on=["user", "item"])
        cold = pairs.filter(pl.col("source_right") == "content")
        assert cold.height > 50
        assert (cold["score"] - cold["score_right"]).abs().max() < 1e-5

    def test_a_group_that_the_split_lacks_is_refused_before_training(self) -> None:
        count = len(tracking.runs())
        with pytest.raises(ConfigError, match="the validation rows of this split have no 'cold_users'; there are"):
            run("training.metric=cold_users/ndcg_at_10")
        assert len(tracking.runs()) == count

    def test_a_group_that_no_split_has_is_refused_with_the_near_ones(self) -> None:
        with pytest.raises(ConfigError, match=r"is not measured; did you mean .*'overall/ndcg_at_10'"):
            run("training.metric=overal/ndcg_at_10")

    def test_hiding_training_rows_alone_ranks_validation_rows_too(self, outcome: Recorded) -> None:
        ranked = run("evaluation.hide=train")
        assert ranked.validation == outcome.validation
        assert ranked.test["recall_at_10"] < outcome.test["recall_at_10"]

    def test_after_a_refit_groups_are_those_of_what_was_trained_on(self, outcome: Recorded) -> None:
        data = prepare(load("cold.yaml").data)
        kept = tracking.per_user_of(tracking.find(run("training.refit=true").run))
        cold = set(data.test["item"]) - set(data.train["item"]) - set(data.validation["item"])
        expected = data.test.filter(pl.col("item").is_in(list(cold)))["user"].n_unique()
        assert select_metric(kept, "cold/recall_at_10").height == expected
