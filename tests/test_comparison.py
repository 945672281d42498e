"""Runs side by side: best first, what differs in their configs, and by how much they differ."""

from dataclasses import replace

import polars as pl
import pytest

from reccl.comparison import Comparison, Entry, check_data, compare, join_seeds
from reccl.errors import RunError
from reccl.published import SPLITS

BEST = Entry(
    "1",
    "a",
    "FINISHED",
    {"name": "a", "seed": "1", "encoder.layers": "2"},
    {
        "test/ndcg_at_10": 0.3,
        "test/recall_at_10": 0.1,
        "time/train_seconds": 9,
        "time/epoch_seconds": 1,
        "data/users": 5,
    },
)
WORST = Entry("2", "b", "FINISHED", {"name": "b", "seed": "1"}, {"test/ndcg_at_10": 0.2, "time/train_seconds": 3})
UNMEASURED = Entry("3", "c", "FAILED", {"name": "c", "seed": "2"}, {})


def by_ndcg(*entries: Entry) -> Comparison:
    return compare(entries, "test/ndcg_at_10")


def test_runs_are_ranked_by_the_metric_and_those_without_it_come_last() -> None:
    assert [entry.id for entry in by_ndcg(UNMEASURED, WORST, BEST).entries] == ["1", "2", "3"]


def test_what_differs_is_every_key_with_more_than_one_value_but_the_name() -> None:
    assert by_ndcg(BEST, WORST).differing() == ["encoder.layers"]
    assert by_ndcg(BEST, UNMEASURED).differing() == ["encoder.layers", "seed"]
    assert by_ndcg(BEST).differing() == []


def test_a_part_of_another_kind_or_none_stands_for_all_its_keys() -> None:
    trained = {
        "name": "a",
        "encoder.kind": "lightgcn",
        "encoder.layers": "2",
        "objective.ranking.kind": "full_softmax",
        "objective.ranking.weight": "1",
        "scorer.kind": "embedding",
        "scorer.similarity": "cosine",
        "training.epochs": "9",
    }
    counted = {"name": "b", "encoder": "None", "objective": "{}", "scorer.kind": "popularity", "training.epochs": "8"}
    entries = [replace(BEST, parameters=trained), replace(WORST, parameters=counted)]
    assert by_ndcg(*entries).choices() == {
        "encoder": ["lightgcn", "-"],
        "objective": ["ranking", "-"],
        "scorer": ["embedding", "popularity"],
        "training.epochs": ["9", "8"],
    }


def test_the_metric_stands_first_then_test_metrics_then_times() -> None:
    assert by_ndcg(BEST, WORST).metrics() == ["test/ndcg_at_10", "test/recall_at_10", "time/train_seconds"]
    assert compare([BEST], "test/recall_at_10").metrics()[0] == "test/recall_at_10"


def test_the_difference_is_relative_to_the_worst_run_that_has_the_metric() -> None:
    compared = by_ndcg(WORST, BEST)
    assert compared.delta(BEST) == pytest.approx(0.5)
    assert compared.delta(WORST) == 0
    with_unmeasured = by_ndcg(WORST, BEST, UNMEASURED)
    assert with_unmeasured.delta(BEST) == pytest.approx(0.5)
    assert with_unmeasured.delta(UNMEASURED) is None


def test_nothing_is_divided_by_zero() -> None:
    none = Entry("4", "d", "FINISHED", {}, {"test/ndcg_at_10": 0.0})
    assert by_ndcg(none, BEST).delta(BEST) is None


@pytest.mark.parametrize(
    ("metric", "answer"),
    [
        ("test/ndcg_at_100", "no run has metric 'test/ndcg_at_100'; did you mean 'test/ndcg_at_10'"),
        ("xyz", "no run has metric 'xyz'; there are: data/users, test/ndcg_at_10"),
    ],
)
def test_an_unknown_metric_names_the_near_ones(metric: str, answer: str) -> None:
    with pytest.raises(RunError, match=answer):
        compare([BEST, WORST], metric)


def test_for_scripts_every_run_has_the_same_keys() -> None:
    answer = by_ndcg(BEST, WORST).as_json()
    assert answer["metric"] == "test/ndcg_at_10"
    assert [run["differs"] for run in answer["runs"]] == [{"encoder.layers": "2"}, {"encoder.layers": None}]
    assert answer["runs"][1]["metrics"]["test/recall_at_10"] is None
    assert [run["delta"] for run in answer["runs"]] == [pytest.approx(0.5), 0]


GROUPED = Entry(
    "5", "e", "FINISHED", {}, {"test/ndcg_at_10": 0.1, "test/cold/ndcg_at_10": 0.2, "test/cold/map_at_10": 0.3}
)


def test_a_table_shows_the_metric_compared_by_and_what_is_usual() -> None:
    assert by_ndcg(BEST, GROUPED).headline() == ["test/ndcg_at_10", "test/recall_at_10"]
    assert compare([GROUPED], "test/cold/map_at_10").headline() == ["test/cold/map_at_10", "test/ndcg_at_10"]
    assert set(by_ndcg(GROUPED).metrics()) == set(GROUPED.metrics)


class TestDifferences:
    users = pl.DataFrame({"user": ["a", "b", "c"], "ndcg_at_10": [0.1, 0.2, 0.3]})
    base = replace(WORST, fingerprint="x", tables=(users,))
    more = users.with_columns(pl.col("ndcg_at_10") * 1.5 + pl.Series([0.01, 0, -0.01]))
    better = replace(BEST, fingerprint="x", tables=(more,))

    def test_they_are_to_the_worst_run_with_an_interval_around(self) -> None:
        found = by_ndcg(self.base, self.better).difference(self.better)
        assert found.low < found.relative < found.high
        assert (found.users, found.relative) == (3, pytest.approx(0.5))
        told = by_ndcg(self.base, self.better).as_json()["runs"]
        assert [run["interval"] and run["interval"]["users"] for run in told] == [3, None]

    def test_or_to_the_one_that_is_named(self) -> None:
        compared = compare([self.base, self.better], "test/ndcg_at_10", baseline=BEST.id)
        assert compared.base() == self.better
        assert compared.delta(self.base) == pytest.approx(0.2 / 0.3 - 1)
        assert compared.difference(self.base).relative == pytest.approx(1 / 1.5 - 1)

    def test_other_data_and_runs_without_values_have_no_interval(self) -> None:
        for other in (replace(self.better, fingerprint="y"), replace(self.better, tables=()), UNMEASURED):
            assert by_ndcg(self.base, other).difference(other) is None
        assert by_ndcg(self.base, self.better).difference(self.base) is None

    def test_slices_are_those_that_users_have_values_of(self) -> None:
        table = self.users.with_columns(head_users=pl.Series([True, True, False]))
        metrics = {**WORST.metrics, "test/head_users/ndcg_at_10": 0.1, "test/harmonic/ndcg_at_10": 0.2}
        base = replace(self.base, tables=(table,), metrics=metrics)
        assert by_ndcg(base).slices() == ["test/head_users/ndcg_at_10"]


class TestSeeds:
    one = Entry("1", "a", "FINISHED", {"name": "a", "seed": "1", "k": "2"}, {"test/x": 0.2, "y": 1.0}, "d")
    two = replace(one, id="2", parameters={**one.parameters, "seed": "2"}, metrics={"test/x": 0.4})

    def test_runs_alike_but_for_the_seed_are_one_with_mean_and_deviation(self) -> None:
        (joined,) = join_seeds([self.two, self.one])
        assert (joined.id, joined.seeds, joined.runs) == ("2", ("2", "1"), ("2", "1"))
        assert joined.metrics == {"test/x": pytest.approx(0.3)}
        assert joined.deviations == {"test/x": pytest.approx(0.2 / 2**0.5)}
        assert joined.parameters["seed"] == "2, 1"

    def test_of_one_seed_the_newest_counts(self) -> None:
        assert join_seeds([self.one, replace(self.one, id="0")]) == [self.one]

    @pytest.mark.parametrize(
        "other", [{"fingerprint": "e"}, {"name": "b"}, {"parameters": {**one.parameters, "k": "3"}}]
    )
    def test_what_differs_in_more_stays_apart(self, other: dict[str, object]) -> None:
        assert len(join_seeds([self.one, replace(self.two, **other)])) == 2


def test_runs_on_other_rows_are_refused_and_both_are_named() -> None:
    here, there = ({"data.source": name, "data.split.kind": "temporal"} for name in ("ml-100k", "gowalla"))
    entries = [replace(BEST, parameters=here, fingerprint="x"), replace(WORST, parameters=there, fingerprint="y")]
    check_data(entries[:1] * 2)
    with pytest.raises(
        RunError, match=r"a 1 \(ml-100k, split temporal, .*b 2 \(gowalla.*different test rows.*--any-data"
    ):
        check_data(entries)


def test_published_figures_are_those_of_the_split_that_all_runs_have() -> None:
    split, other = SPLITS[:2]
    ours = [replace(entry, split=split.digest) for entry in (BEST, WORST)]
    figures = by_ndcg(*ours).published()
    assert figures and {figure.split for figure in figures} == {split.name}
    assert [figure.ndcg for figure in figures] == sorted((figure.ndcg for figure in figures), reverse=True)
    assert by_ndcg(*ours).as_json()["published"][0]["method"] == figures[0].method
    assert by_ndcg(ours[0], replace(WORST, split=other.digest)).published() == []
    assert by_ndcg(BEST, WORST).published() == by_ndcg(ours[0], BEST).published() == []
