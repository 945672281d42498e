"""Lists are measured beyond accuracy by the same rows as in every evaluation."""

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.labels import Labels
from reccl.evaluation import Evaluation, Evaluator, top_k
from reccl.evaluation.beyond_accuracy import Listeners
from reccl.scorers import Popularity, Svd


@pytest.fixture
def held_out(planted_dataset: Dataset) -> Evaluator:
    return Evaluator.of(planted_dataset, "test", Evaluation(cutoffs=(5,)), groups=False)


@pytest.fixture
def listeners(held_out: Evaluator) -> Listeners:
    items = held_out.seen.num_items
    blocks = Labels.of(pl.Series("block", [f"b{item % 4}" for item in range(items)]))
    return Listeners(held_out.users, held_out.relevant[""], held_out.seen, None, blocks)


def test_accuracy_is_that_of_the_evaluator(planted_dataset: Dataset, held_out: Evaluator, listeners: Listeners) -> None:
    scorer = Svd(dimension=8).build(planted_dataset.build_graph(), None)
    lists = torch.cat([items for _, items, _ in top_k(scorer, held_out.users, 5, held_out.seen)])
    measured, expected = listeners.measure(lists, 5), held_out(scorer).means()
    for name in ("recall_at_5", "ndcg_at_5", "coverage_at_5"):
        assert measured[name] == pytest.approx(expected[name])


def test_a_taste_model_is_more_novel_and_better_calibrated_than_popularity(
    planted_dataset: Dataset, held_out: Evaluator, listeners: Listeners
) -> None:
    graph, found = planted_dataset.build_graph(), {}
    for name, settings in (("popular", Popularity()), ("taste", Svd(dimension=4))):
        chunks = top_k(settings.build(graph, None), held_out.users, 5, held_out.seen)
        found[name] = listeners.measure(torch.cat([items for _, items, _ in chunks]), 5)
    popular, taste = found["popular"], found["taste"]
    assert popular["serendipity_at_5"] < 0.02 < taste["serendipity_at_5"]
    assert taste["novelty_at_5"] > popular["novelty_at_5"]
    assert taste["gini_at_5"] < popular["gini_at_5"]
    assert taste["popularity_lift_at_5"] < popular["popularity_lift_at_5"]
    assert 2 * taste["miscalibration_at_5"] < popular["miscalibration_at_5"]
    assert taste["intra_list_diversity_at_5"] < popular["intra_list_diversity_at_5"]  # of the own block alone
