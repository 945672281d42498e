"""Personal popularity ranks what users had by count and recency, is a scorer like any other, and finds repeats."""

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from reccl import ConfigError, Dataset, TrainingError, evaluate, train
from reccl.data.graph import Graph
from reccl.evaluation import Evaluation, Evaluator
from reccl.recommend import Model, extend_model, recommend
from reccl.recommend.explain import Explainer
from reccl.scorers import Ease, PersonalPopularity, Popularity, Scorer
from reccl.scorers.weighted_sum import weighted_sum
from tests.scorers.as_served import require_same_lists

DAY = 24 * 60 * 60
ROWS = pl.DataFrame(
    {"user": [0, 0, 0, 1], "item": [0, 1, 2, 3], "weight": [4.0, 1.0, 2.0, 1.0], "timestamp": [0, DAY, DAY, 2 * DAY]}
)


def scored(rows: pl.DataFrame = ROWS, **settings: Any) -> list[list[float]]:
    graph = Graph.from_interactions(rows, 2, 5, times=True)
    return PersonalPopularity(**settings).build(graph, None).scores(torch.arange(2)).tolist()


class TestTheScore:
    def test_counts_come_first_and_what_nobody_had_last(self) -> None:
        assert scored(fill=False) == [[4, 1, 2, 0, 0], [0, 0, 0, 1, 0]]

    def test_recency_halves_them(self) -> None:
        assert scored(fill=False, half_life=1.0)[0] == pytest.approx([4 / 4, 1 / 2, 2 / 2, 0, 0])

    def test_without_counts_recency_alone_ranks(self) -> None:
        assert scored(fill=False, half_life=1.0, exponent=0)[0] == pytest.approx([1 / 4, 1 / 2, 1 / 2, 0, 0])

    def test_other_items_follow_by_popularity_below_all_that_a_user_had(self) -> None:
        first, second = np.array(scored(half_life=1.0)), np.array(scored(half_life=1.0, fill=False))
        assert np.argsort(-first[1], kind="stable").tolist() == [3, 0, 2, 1, 4]
        assert first[second == 0].max() < second[second > 0].min()

    def test_a_repeated_row_counts_its_latest_time(self) -> None:
        again = pl.concat([ROWS, ROWS.with_columns(pl.lit(2 * DAY, pl.Int64).alias("timestamp"))])
        assert scored(again, fill=False, half_life=1.0)[0] == [8, 2, 4, 0, 0]

    def test_a_half_life_needs_times(self) -> None:
        with pytest.raises(TrainingError, match="half_life needs times, and this data has none"):
            PersonalPopularity(half_life=3).build(Graph.from_interactions(ROWS, 2, 5), None)


@pytest.fixture(scope="module")
def log() -> pl.DataFrame:
    """200 users buy four of their ten staples a week, one of them twice as often as another, and something new."""
    random, rows = np.random.default_rng(5), []
    for user in range(200):
        staples = random.choice(300, 10, replace=False)
        chance = np.linspace(2, 1, 10) / np.linspace(2, 1, 10).sum()
        for week in range(10):
            moment = week * 7 * DAY
            rows += [(user, int(item), moment + int(item)) for item in random.choice(staples, 4, False, chance)]
            rows += [(user, int(random.integers(300)), moment)]
    return pl.DataFrame(rows, schema=["user", "item", "timestamp"], orient="row")


SPLIT = {"kind": "temporal", "test": 0.1, "validation": 0.1}


@pytest.fixture(scope="module")
def data(log: pl.DataFrame) -> Dataset:
    return Dataset.from_frame(log, timestamp="timestamp", split=SPLIT, duplicates="count")


class TestRepeats:
    def test_a_pair_is_in_training_and_comes_again(self, data: Dataset) -> None:
        known = data.known_before("test").select("user", "item").unique()
        repeated = data.test.join(known, on=["user", "item"], how="semi")
        assert 0.5 < repeated.height / data.test.height < 0.9

    @pytest.mark.parametrize("hide", ["none", "train", "known"])
    def test_what_is_hidden_is_not_relevant_and_not_listed(self, data: Dataset, hide: str) -> None:
        found = Evaluator.of(data, "test", Evaluation(hide=hide), groups=False)
        rows = data.test.select("user", "item")
        hidden = {"none": rows.clear(), "train": data.train, "known": data.known_before("test")}[hide]
        hidden = hidden.select("user", "item").unique()
        expected = rows.join(hidden, on=["user", "item"], how="anti")
        assert int(found.relevant[""].counts.sum()) == expected.height
        assert int(found.seen.counts.sum()) == hidden.height

    def test_personal_popularity_beats_popularity_by_far_where_nothing_is_hidden(self, data: Dataset) -> None:
        graph, evaluator = data.build_graph(), Evaluator.of(data, "test", Evaluation(hide="none"), groups=False)
        own, general = (
            evaluator(settings.build(graph, None)).means()["ndcg_at_10"]
            for settings in (PersonalPopularity(), Popularity())
        )
        assert own > 0.4 > 5 * general

    def test_lists_of_another_library_are_measured_alike(self, data: Dataset) -> None:
        scorer = PersonalPopularity().build(data.build_graph(), None)
        lists = pl.concat(recommend(Model.of(scorer, data, lists_seen=True), None, 20))
        ours = Evaluator.of(data, "test", Evaluation(hide="none"), groups=False)(scorer).means()
        theirs = evaluate(lists, data, hide="none")
        assert theirs["ndcg_at_10"] == pytest.approx(ours["ndcg_at_10"]) and theirs.seen_items == 0
        assert evaluate(lists, data).seen_items > 0

    def test_a_blend_takes_repeats_from_it_and_news_from_elsewhere(self, data: Dataset) -> None:
        again = {"kind": "personal_popularity", "fill": False, "half_life": 30}
        parts = {"again": again, "new": {"kind": "popularity"}}
        config = {"name": "repeats", "scorer": {"kind": "blend", "parts": parts}, "evaluation": {"hide": "none"}}
        model = train(config, data=data)
        alone = train({**config, "scorer": parts["new"]}, data=data)
        assert model.metrics["test"]["ndcg_at_10"] > 5 * alone.metrics["test"]["ndcg_at_10"] > 0

    def test_lists_hold_what_was_had_where_that_was_measured(self, data: Dataset) -> None:
        config = {"name": "again", "scorer": {"kind": "personal_popularity"}}
        user = data.to_frame("train").filter(pl.col("user") == 3)
        again = train({**config, "evaluation": {"hide": "none"}}, data=data)
        best = user.sort("weight", descending=True)["weight"][0]
        first = again.recommend([3], k=1)["item"][0]
        assert user.filter(pl.col("item") == first)["weight"][0] == best
        assert not set(again.recommend([3], k=10, include_seen=False)["item"]) & set(user["item"])
        hidden = train(config, data=data)
        assert not set(hidden.recommend([3], k=10)["item"]) & set(user["item"])
        assert hidden.recommend([3], k=1, include_seen=True)["item"][0] == first

    def test_held_out_rows_that_are_all_repeats_are_an_error_where_these_are_hidden(self) -> None:
        rows = pl.DataFrame({"user": [1, 2, 1, 2], "item": [7, 8, 7, 8], "timestamp": [0, 0, 9, 9]})
        split = {"kind": "temporal", "test": 0.5, "validation": 0}
        data = Dataset.from_frame(rows, timestamp="timestamp", split=split, duplicates="count")
        config = {"name": "again", "scorer": {"kind": "popularity"}}
        with pytest.raises(ConfigError, match=r"every test row is a repeat of that: set evaluation\.hide=none"):
            train(config, data=data)
        assert train({**config, "evaluation": {"hide": "none"}}, data=data).metrics["test"]["recall_at_10"] == 1


class TestLikeAnyScorer:
    @pytest.fixture
    def blended(self, data: Dataset) -> Scorer:
        graph = data.build_graph(times=True)
        parts = [Ease(l2=20), PersonalPopularity(half_life=20), PersonalPopularity(fill=False)]
        return weighted_sum([part.build(graph, None) for part in parts], [1.0, 0.5, 2.0])

    def test_a_weighted_sum_adds_the_scores(self, data: Dataset, blended: Scorer) -> None:
        graph, users = data.build_graph(times=True), torch.arange(5)
        parts = [Ease(l2=20), PersonalPopularity(half_life=20), PersonalPopularity(fill=False)]
        each = [part.build(graph, None).scores(users) for part in parts]
        torch.testing.assert_close(blended.scores(users), each[0] + 0.5 * each[1] + 2 * each[2])

    def test_it_scores_the_same_from_disk_and_as_served(self, data: Dataset, blended: Scorer, tmp_path: Path) -> None:
        model = Model.of(blended, data, lists_seen=True)
        require_same_lists(model, tmp_path)

    def test_what_was_bought_since_then_is_listed_again(self, data: Dataset) -> None:
        scorer = PersonalPopularity().build(data.build_graph(), None)
        model = Model.of(scorer, data, lists_seen=True)
        extended = extend_model(model, history=pl.DataFrame({"user": [999, 999], "item": [5, 6]}))
        lists = pl.concat(recommend(extended, pl.Series([999]), 3))
        assert set(lists["item"][:2]) == {5, 6}

    def test_an_item_s_own_count_is_explained_by_itself(self, data: Dataset) -> None:
        scorer = PersonalPopularity(fill=False).build(data.build_graph(), None)
        user, item, weight = data.train.select("user", "item", "weight").row(0)
        found = Explainer(extend_model(Model.of(scorer, data)))(user, item)
        assert found.contributions["item"][0] == data.item_ids.ids[item]
        assert found.contributions["contribution"][0] == pytest.approx(weight) == pytest.approx(found.score)
