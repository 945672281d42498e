"""A model takes the champion's place where its users gain, and nowhere else."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import polars as pl
import pytest

import reccl
from reccl import tracking
from reccl.errors import NotBetterError, RunError
from reccl.nightly.measured_again import measure_again

CONFIG: dict[str, Any] = {"encoder": None, "objective": {}, "evaluation": {"cutoffs": [10]}}
METRIC = "test/ndcg_at_10"


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Iterator[Path]:
    with inside(tmp_path_factory.mktemp("night")) as place:
        yield place


def train(data: reccl.Dataset, scorer: str, **more: Any) -> str:
    config = {**CONFIG, "name": scorer, "scorer": {"kind": scorer}, **more}
    return reccl.train(config, data, track=True, progress=False).run_id


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame) -> reccl.Dataset:
    return reccl.Dataset.from_frame(planted)


@pytest.fixture(scope="module")
def runs(data: reccl.Dataset, folder: Path) -> Mapping[str, str]:
    """The blocks of the planted world are what EASE finds, and popularity does not."""
    return {kind: train(data, kind) for kind in ("popularity", "ease")}


@pytest.fixture
def name(request: pytest.FixtureRequest) -> str:
    """A registered model of the test's own."""
    return request.node.name


def champion(name: str) -> str:
    return tracking.find(f"models:/{name}@champion").info.run_id


def test_the_first_is_promoted_without_a_comparison(runs: Mapping[str, str], name: str) -> None:
    made = reccl.promote(runs["popularity"], name=name, if_better=METRIC)
    assert (made.run, made.version, made.before, made.difference) == (runs["popularity"], "1", "", None)
    assert champion(name) == runs["popularity"]
    assert reccl.load(made.address).recommend(["u001"], k=3).height == 3


def test_a_better_one_takes_the_alias_and_says_by_how_much(runs: Mapping[str, str], name: str) -> None:
    reccl.promote(runs["popularity"], name=name)
    made = reccl.promote(runs["ease"], name=name, if_better=METRIC)
    assert champion(name) == runs["ease"]
    assert made.before == runs["popularity"]
    assert made.difference is not None
    assert 0 < made.difference.low < made.difference.relative < made.difference.high
    version = tracking.client().get_model_version(name, made.version)
    assert version.tags["reccl.against"] == runs["popularity"]
    assert f"{made.difference.low:+.1%} to {made.difference.high:+.1%}" in version.tags["reccl.difference"]


def test_one_that_is_not_shown_to_be_better_leaves_the_registry_as_it_is(runs: Mapping[str, str], name: str) -> None:
    reccl.promote(runs["ease"], name=name)
    with pytest.raises(NotBetterError, match=rf"ease .* models:/.*@champion: {METRIC} -.*interval -") as failure:
        reccl.promote(runs["popularity"], name=name, if_better=METRIC)
    assert "\n" not in str(failure.value)
    assert failure.value.exit_code == 1
    assert champion(name) == runs["ease"]
    assert len(tracking.client().search_model_versions(f"name='{name}'")) == 1


def test_without_a_comparison_any_run_is_promoted_and_the_way_back_makes_no_version(
    runs: Mapping[str, str], name: str
) -> None:
    reccl.promote(runs["ease"], name=name)
    assert reccl.promote(runs["popularity"], name=name).version == "2"
    back = reccl.promote(runs["ease"], name=name)
    assert (back.version, back.before, champion(name)) == ("1", runs["popularity"], runs["ease"])


def test_the_same_model_is_no_better_than_itself_but_may_be_promoted_again(runs: Mapping[str, str], name: str) -> None:
    reccl.promote(runs["ease"], name=name)
    again = reccl.promote(runs["ease"], name=name, if_better=METRIC)
    assert (again.version, again.before) == ("1", runs["ease"])


def test_an_equal_model_does_not_take_the_place(runs: Mapping[str, str], data: reccl.Dataset, name: str) -> None:
    reccl.promote(runs["ease"], name=name)
    with pytest.raises(NotBetterError, match=r"interval \+0\.0% to \+0\.0%"):
        reccl.promote(train(data, "ease", seed=2), name=name, if_better=METRIC)


def test_the_alias_is_one_of_many(runs: Mapping[str, str], name: str) -> None:
    reccl.promote(runs["ease"], name=name)
    made = reccl.promote(runs["popularity"], "challenger", name=name, if_better=METRIC)
    assert (made.before, champion(name)) == ("", runs["ease"])
    assert tracking.find(f"models:/{name}@challenger").info.run_id == runs["popularity"]


def test_a_champion_that_was_trained_on_the_test_rows_is_not_measured_on_them(
    runs: Mapping[str, str], planted: pl.DataFrame, name: str
) -> None:
    other = reccl.Dataset.from_frame(planted, split=reccl.splits.RandomPerUser(seed=9))
    reccl.promote(runs["popularity"], name=name)
    with pytest.raises(RunError, match=r"knew [\d,]+ of the [\d,]+ test pairs .* split by time"):
        reccl.promote(train(other, "ease"), name=name, if_better=METRIC)
    assert champion(name) == runs["popularity"]


class TestTheNextDay:
    """Rows by time: the champion is of the first nine tenths, the challenger of all."""

    @pytest.fixture(scope="class")
    def days(self, planted: pl.DataFrame) -> list[reccl.Dataset]:
        rows = planted.sort("timestamp")
        split = reccl.splits.Temporal()
        parts = (rows.head(rows.height * 9 // 10), rows)
        return [reccl.Dataset.from_frame(part, timestamp="timestamp", split=split) for part in parts]

    def test_a_better_model_of_more_rows_takes_the_place(self, days: list[reccl.Dataset], name: str) -> None:
        first = train(days[0], "popularity")
        reccl.promote(first, name=name)
        made = reccl.promote(train(days[1], "ease"), name=name, if_better=METRIC, log=(said := []).append)
        assert made.before == first
        assert made.difference is not None
        assert made.difference.low > 0
        assert any("measured again on the test rows" in line for line in said)

    def test_a_worse_one_does_not(self, days: list[reccl.Dataset], name: str) -> None:
        first = train(days[0], "ease")
        reccl.promote(first, name=name)
        with pytest.raises(NotBetterError, match="interval -"):
            reccl.promote(train(days[1], "popularity"), name=name, if_better=METRIC)
        assert champion(name) == first

    @pytest.mark.parametrize("scorer", ["ease", "popularity"])
    def test_on_its_own_rows_a_model_has_the_values_that_were_recorded(
        self, scorer: str, days: list[reccl.Dataset]
    ) -> None:
        run = tracking.find(train(days[0], scorer, training={"refit": True}))
        again = measure_again(run, run, METRIC, lambda _: None)
        recorded = tracking.per_user_of(run)
        assert recorded is not None
        both = again.join(recorded, on="user")
        assert both.height == recorded.height == again.height
        assert both["value"].to_numpy() == pytest.approx(both["ndcg_at_10"].to_numpy(), abs=1e-6)

    def test_metrics_of_groups_are_for_the_same_data(self, days: list[reccl.Dataset]) -> None:
        run = tracking.find(train(days[0], "ease"))
        with pytest.raises(RunError, match="is of a group"):
            measure_again(run, run, "test/warm/ndcg_at_10", lambda _: None)


def test_numbers_with_other_items_left_out_are_refused(runs: Mapping[str, str], data: reccl.Dataset, name: str) -> None:
    reccl.promote(runs["popularity"], name=name)
    shown = train(data, "ease", evaluation={"cutoffs": [10], "hide": "none"})
    with pytest.raises(RunError, match=r"with evaluation\.hide none, popularity .* with known"):
        reccl.promote(shown, name=name, if_better=METRIC)


@pytest.mark.parametrize("metric", ["test/ndcg_at_11", "validation/ndcg_at_10", "time/train_seconds"])
def test_a_metric_that_users_have_no_values_of_is_refused_even_for_the_first(
    runs: Mapping[str, str], name: str, metric: str
) -> None:
    with pytest.raises(RunError, match=r"no values of .*; there are: test/capped_recall_at_10, .*test/ndcg_at_10"):
        reccl.promote(runs["ease"], name=name, if_better=metric)
    with pytest.raises(RunError, match="no model or run"):
        champion(name)


@pytest.mark.parametrize(("alias", "named"), [("latest", "shop"), ("v2", "shop"), ("a b", "shop"), ("champion", "a/b")])
def test_names_that_mlflow_does_not_take_are_one_line(runs: Mapping[str, str], alias: str, named: str) -> None:
    with pytest.raises(RunError, match=f"cannot register models:/{named}@{alias}: ") as failure:
        reccl.promote(runs["ease"], alias, name=named)
    assert "\n" not in str(failure.value)


def test_a_model_that_was_not_recorded_is_refused(data: reccl.Dataset) -> None:
    model = reccl.train({**CONFIG, "name": "untracked", "scorer": {"kind": "popularity"}}, data, progress=False)
    with pytest.raises(RunError, match="train with track=True"):
        reccl.promote(model)


def test_a_recommender_is_promoted_under_the_name_of_its_config(runs: Mapping[str, str]) -> None:
    assert reccl.promote(reccl.load(run=runs["ease"])).address == "models:/ease@champion"
