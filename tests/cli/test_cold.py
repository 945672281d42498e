"""`reccl cold` measures groups, gives cold nodes their first interactions, and adds curve and plots to the run."""

import json
from pathlib import Path

import polars as pl
import pytest
from mlflow import MlflowClient


@pytest.fixture(scope="module")
def cold(shop) -> str:
    """A run with cold users and items."""
    overrides = ("name=cold", "data.split={kind: cold_items, cold: 0.3}")
    options = [word for override in overrides for word in ("--set", override)]
    answer = shop("train", "--config", "planted.yaml", "--json", *options, environment={"RECCL_PLOTS": "1"})
    assert answer.code == 0, answer.err
    (outcome,) = json.loads(answer.out)
    return outcome["run"]


class TestTrain:
    def test_its_table_has_the_cold_and_warm_metrics_of_the_longest_lists(self, shop) -> None:
        overrides = ("name=cold-users", "data.split={kind: cold_users, cold: 0.3}", "training.epochs=1")
        answer = shop("train", "-c", "planted.yaml", *(word for override in overrides for word in ("--set", override)))
        assert answer.code == 0, answer.err
        shown = {line.split()[0] for line in answer.out.splitlines() if "/" in line}
        assert {"cold_users/recall_at_20", "harmonic_users/ndcg_at_20"} <= shown
        assert not {name for name in shown if name.endswith("_at_10") or name.startswith("tail")}


class TestCold:
    def test_curve_and_plots_are_added_to_the_run(self, shop, cold: str) -> None:
        answer = shop("cold", "--run", cold, "--shots", "0,2,4", "--json")
        assert answer.code == 0, answer.err
        told = json.loads(answer.out)
        assert told["run"] == cold
        assert list(told["k_shot"]["cold_items"]) == ["0", "2", "4"]
        assert {"cold", "warm", "overall", "harmonic"} <= set(told["groups"])
        (folder,) = Path(shop.folder, "mlruns", "artifacts").glob(f"{cold}/artifacts/plots")
        assert {path.name for path in folder.iterdir()} == {
            *("k_shot.png", "groups.png"),
            *("learning.png", "scores.png", "embeddings.png"),  # of the training
        }
        compared = json.loads(shop("compare", cold, "--metric", "k_shot/cold_items/ndcg_at_20", "--json").out)
        value = compared["runs"][0]["metrics"]["k_shot/cold_items/ndcg_at_20"]
        assert value == pytest.approx(told["k_shot"]["cold_items"]["4"]["ndcg_at_20"])

    def test_a_few_metrics_are_in_mlflow_and_all_in_a_table(self, shop, cold: str) -> None:
        told = json.loads(shop("cold", "--run", cold, "--shots", "0,2,4", "--json").out)["k_shot"]
        store = MlflowClient(f"sqlite:///{shop.folder}/mlruns/mlflow.db")
        shown = [name for name in store.get_run(cold).data.metrics if name.startswith("k_shot/")]
        groups = ("cold_items", "cold_items_popularity")
        assert sorted(shown) == sorted(
            f"k_shot/{group}/{name}_at_20" for group in groups for name in ("ndcg", "recall")
        )
        steps = {point.step: point.value for point in store.get_metric_history(cold, "k_shot/cold_items/ndcg_at_20")}
        assert steps == {int(k): pytest.approx(means["ndcg_at_20"]) for k, means in told["cold_items"].items()}
        table = pl.read_csv(Path(shop.folder, "mlruns", "artifacts", cold, "artifacts", "k_shot.csv"))
        assert table.height == 6
        for row in table.iter_rows(named=True):
            group = row.pop("group") + ("_popularity" if row.pop("ranked_by") == "popularity" else "")
            assert row == {"interactions": row["interactions"], **told[group][str(row["interactions"])]}

    def test_people_get_tables(self, shop, cold: str) -> None:
        table = shop("cold", "--run", cold, "--shots", "0,2").out
        assert "cold items, after k interactions" in table
        assert "cold items, by popularity, after k interactions" in table

    @pytest.mark.parametrize("shots", ["", "0", "1,x", "1;2", "-1"])
    def test_shots_that_are_no_numbers_are_refused(self, shop, shots: str) -> None:
        told = shop("cold", f"--shots={shots}").refusal(2)
        assert told == f"--shots {shots!r}: write whole numbers with commas, e.g. --shots 0,1,3,5,10"

    def test_a_run_without_cold_nodes_has_groups_and_no_curve(self, shop) -> None:
        done = shop("cold", "--run", "planted")
        assert "no curve: no cold user or item has more than 10 test rows" in done.err
        assert "tail_items" in done.out
        assert json.loads(shop("cold", "--run", "planted", "--json").out)["k_shot"] == {}
