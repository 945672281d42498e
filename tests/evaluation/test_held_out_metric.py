"""A held-out metric is what evaluation gives for the same scores."""

import pytest

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.evaluation import Evaluation, Evaluator, HeldOutMetric, evaluate
from reccl.scorers import Svd


@pytest.mark.parametrize("name", ["ndcg_at_10", "recall_at_5", "map_at_200"])
def test_it_is_the_metric_of_evaluate(name: str, planted_dataset: Dataset, planted_graph: Graph) -> None:
    data, scorer = planted_dataset, Svd(dimension=5).build(planted_graph, None)
    metric = HeldOutMetric.of(Evaluator.of(data, "validation", Evaluation()), name)
    result = evaluate(scorer, data.validation, data.train, Evaluation(cutoffs=(5, 10, 200)))
    scores = scorer.scores(metric.users)
    assert metric.per_user(scores.clone()).tolist() == result.per_user[name].tolist()
    assert metric(scores) == result.means()[name]


@pytest.mark.parametrize(("name", "plain"), [("warm/recall_at_5", "recall_at_5"), ("coverage_at_5", "ndcg_at_5")])
def test_groups_are_left_out_and_catalog_metrics_are_ndcg(name: str, plain: str, planted_dataset: Dataset) -> None:
    evaluator = Evaluator.of(planted_dataset, "validation", Evaluation())
    metric = HeldOutMetric.of(evaluator, name)
    assert f"{metric.name}_at_{metric.k}" == plain


def test_of_many_users_some_are_measured_evenly_spaced(
    planted_dataset: Dataset, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reccl.evaluation.held_out_metric.SCORE_BYTES", 4 * 120 * 10)
    metric = HeldOutMetric.of(Evaluator.of(planted_dataset, "validation", Evaluation()), "ndcg_at_10")
    assert len(metric.users) == 10
    assert metric.users[0] == 0
    assert metric.users[-1] == planted_dataset.validation["user"].max()
