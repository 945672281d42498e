"""A tuned scorer takes the values that validation likes best."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.evaluation import Evaluation, Evaluator, HeldOutMetric
from reccl.scorers import Ease, EmbeddingScorer, Svd
from reccl.scorers.selection import AnyScorer, GridSearch
from reccl.scorers.selection.one_standard_error import clearly_better


@pytest.fixture
def metric(planted_dataset: Dataset) -> HeldOutMetric:
    return HeldOutMetric.of(Evaluator.of(planted_dataset, "validation", Evaluation()), "ndcg_at_10")


def test_no_single_change_of_a_setting_would_be_clearly_better(planted_graph: Graph, metric: HeldOutMetric) -> None:
    values = {"dimension": [1, 2, 4, 8], "exponent": [0.0, 0.5, 1.0]}
    search = GridSearch(scorer=Svd(dimension=30, exponent=0), grid=values)
    tuned = search.builder(planted_graph).tuned_on(None, metric)

    def evaluate(scorer) -> torch.Tensor:
        return metric.per_user(scorer.build(planted_graph, None).scores(metric.users))

    found = tuned.settings.scorer
    assert clearly_better(evaluate(found), evaluate(search.scorer))
    assert tuned.settings.grid == {}
    for name, tried in values.items():
        others = [found.model_copy(update={name: value}) for value in tried]
        assert not any(clearly_better(evaluate(other), evaluate(found)) for other in others)
    assert tuned.tuned_on(None, metric) is tuned
    rows = torch.arange(200)
    assert torch.equal(tuned.build(None).scores(rows), found.build(planted_graph, None).scores(rows))


def test_a_single_value_is_tried_beside_the_one_that_is_written(planted_graph: Graph, metric: HeldOutMetric) -> None:
    poor = Svd(dimension=30, exponent=0)
    better = GridSearch(scorer=poor, grid={"dimension": [4]}).builder(planted_graph).tuned_on(None, metric)
    assert better.settings.scorer.dimension == 4
    same = GridSearch(scorer=poor, grid={"dimension": [30]}).builder(planted_graph)
    assert same.tuned_on(None, metric) is same


def test_until_then_it_is_the_scorer_as_it_is_written(planted_graph: Graph) -> None:
    plain = Ease(l2=7)
    tuned = GridSearch(scorer=plain, grid={"l2": [1, 100]})
    rows = torch.arange(200)
    found = tuned.builder(planted_graph).build(None)
    assert torch.equal(found.scores(rows), plain.build(planted_graph, None).scores(rows))
    assert GridSearch(scorer=EmbeddingScorer()).needs_embeddings()
    assert not tuned.needs_embeddings()


@pytest.mark.parametrize(
    ("grid", "message"),
    [
        ({"user_exponents": [1]}, "unknown setting 'user_exponents'; did you mean 'user_exponent'"),
        ({"kind": ["svd"]}, "unknown setting 'kind'"),
        ({"l2": [-1]}, "greater than 0"),
        ({"l2": []}, "at least 1 item"),
    ],
)
def test_grid_values_are_of_settings(grid: dict[str, list[object]], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        GridSearch(scorer=Ease(), grid=grid)


def test_survives_its_dump() -> None:
    room = TypeAdapter(AnyScorer)
    made = room.validate_python({"kind": "grid_search", "scorer": {"kind": "ease"}, "grid": {"l2": [1, 2.5]}})
    assert room.validate_python(room.dump_python(made, mode="json")) == made


def test_better_by_no_more_than_chance_is_not_clearly_better() -> None:
    random = torch.Generator().manual_seed(0)
    old = torch.rand(400, generator=random)
    noise = torch.randn(400, generator=random)
    noise = (noise - noise.mean()) / noise.std(correction=0)  # mean 0, deviation 1: a standard error is 1 / 20
    assert clearly_better(old + noise + 0.051, old)
    assert not clearly_better(old + noise + 0.049, old)
    assert not clearly_better(old, old)
