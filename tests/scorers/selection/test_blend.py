"""A blend is the weighted sum of its parts at one spread, with weights selected on validation rows."""

from dataclasses import replace
from itertools import product
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings
from reccl.encoders.encoder import lookup_in
from reccl.errors import TrainingError
from reccl.evaluation import Evaluation, Evaluator, HeldOutMetric
from reccl.recommend import Model
from reccl.scorers import Ease, EmbeddingScorer, GraphFilter, ItemKnn, Popularity, Random, Scorer, Svd
from reccl.scorers.selection import AnyScorer, Blend, GridSearch
from reccl.scorers.selection.coordinate_ascent import coordinate_ascent
from reccl.scorers.weighted_sum import score_spread, weighted_sum
from tests.scorers.as_served import require_same_lists

PARTS = {
    "ease": Ease(l2=5),
    "filter": GraphFilter(rank=6),
    "knn": ItemKnn(neighbors=7),
    "svd": Svd(dimension=5),
    "vectors": EmbeddingScorer(similarity="cosine"),
    "popular": Popularity(),
}
WEIGHTS = {"ease": 1.0, "filter": 0.5, "knn": 0.25, "svd": 2.0, "vectors": 0.7, "popular": 0.1}
CLOSED = {name: part for name, part in PARTS.items() if name != "vectors"}


@pytest.fixture
def embeddings(planted_graph: Graph) -> Embeddings:
    random = torch.Generator().manual_seed(0)
    users, items = (
        torch.randn(count, 6, generator=random) for count in (planted_graph.num_users, planted_graph.num_items)
    )
    return Embeddings(lookup_in(users), lookup_in(items), lookup_in(users), lookup_in(items))


@pytest.fixture
def metric(planted_dataset: Dataset) -> HeldOutMetric:
    return HeldOutMetric.of(Evaluator.of(planted_dataset, "validation", Evaluation()), "ndcg_at_10")


def everyone(scorer: Scorer) -> np.ndarray:
    return scorer.scores(torch.arange(scorer.num_users)).double().numpy()


def test_scores_are_the_weighted_sum_over_each_parts_spread(planted_graph: Graph, embeddings: Embeddings) -> None:
    expected = np.zeros((planted_graph.num_users, planted_graph.num_items))
    for name, part in PARTS.items():
        scores = everyone(part.build(planted_graph, embeddings))
        expected += WEIGHTS[name] * scores / scores.std(1).mean()
    found = everyone(Blend(parts=PARTS, weights=WEIGHTS).build(planted_graph, embeddings))
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-3)
    alike = everyone(Blend(parts={"a": PARTS["ease"], "b": PARTS["ease"]}).build(planted_graph, None))
    np.testing.assert_allclose(
        alike, 2 * everyone(Blend(parts={"a": PARTS["ease"]}).build(planted_graph, None)), rtol=1e-4
    )


def test_single_dense_matrices_become_one_and_longer_operators_stay(planted_graph: Graph) -> None:
    made = weighted_sum([part.build(planted_graph, None) for part in (Ease(), Ease(l2=9), GraphFilter())], [1, 1, 1])
    assert [len(operator.matrices) for operator in made.item_operators] == [1, 2]


def test_spread_passes_over_users_without_an_opinion(planted_graph: Graph) -> None:
    users = torch.tensor([[0.0], [1.0], [3.0]])
    assert score_spread(Scorer(users, torch.tensor([[1.0], [-1.0]]))) == pytest.approx(2)
    assert score_spread(Scorer(users[:1], torch.ones(2, 1))) == 1


@pytest.mark.parametrize("parts", [CLOSED, {"popular": Popularity()}], ids=["many", "one"])
def test_a_model_scores_the_same_from_disk_and_as_served(
    parts: dict, planted_dataset: Dataset, planted_graph: Graph, tmp_path: Path
) -> None:
    model = Model.of(Blend(parts=parts).build(planted_graph, None), planted_dataset)
    require_same_lists(model, tmp_path, tolerance=1e-3)


def test_tuned_weights_are_better_on_validation_rows_than_those_they_started_from_and_drop_noise(
    planted_graph: Graph, metric: HeldOutMetric
) -> None:
    blend = Blend(parts={"items": Ease(l2=20), "noise": Random()}, weights={"noise": 2})
    builder = blend.builder(planted_graph)
    tuned = builder.tuned_on(None, metric)
    before, after = (metric(each.build(None).scores(metric.users)) for each in (builder, tuned))
    assert after > before
    assert tuned.settings == blend.model_copy(
        update={"weights": {"items": 1.0, "noise": tuned.settings.weights["noise"]}, "tune_weights": False}
    )
    assert tuned.settings.weights["noise"] < 0.2
    assert tuned.tuned_on(None, metric) is tuned
    np.testing.assert_allclose(
        everyone(tuned.settings.build(planted_graph, None)), everyone(tuned.build(None)), rtol=1e-3, atol=1e-3
    )


def test_closed_forms_are_computed_once_and_embeddings_whenever_they_come(
    planted_graph: Graph, embeddings: Embeddings, monkeypatch: pytest.MonkeyPatch
) -> None:
    built = []
    monkeypatch.setattr(Ease, "build", lambda *each, build=Ease.build: built.append(1) or build(*each))
    builder = Blend(parts={"ease": Ease(), "vectors": EmbeddingScorer()}).builder(planted_graph)
    first = everyone(builder.build(embeddings))
    other = lookup_in(torch.ones(200, 6)), lookup_in(embeddings.items(None).flip(0))
    assert not np.allclose(first, everyone(builder.build(Embeddings(*other, *other))))
    assert built == [1]


def test_open_settings_of_parts_are_selected_before_the_weights(planted_graph: Graph, metric: HeldOutMetric) -> None:
    part = GridSearch(scorer=Svd(dimension=30), grid={"dimension": [1, 4]})
    builder = Blend(parts={"directions": part, "noise": Random()}).builder(planted_graph)
    tuned = builder.tuned_on(None, metric)
    assert tuned.settings.parts["directions"] == part.builder(planted_graph).tuned_on(None, metric).settings
    assert tuned.settings.parts["directions"].scorer.dimension == 4  # the planted world has four blocks
    assert tuned.settings.parts["directions"].grid == {}
    again = Blend(parts=tuned.settings.parts, weights=tuned.settings.weights).build(planted_graph, None)
    np.testing.assert_allclose(everyone(again), everyone(tuned.build(None)), rtol=1e-3, atol=1e-3)


def test_what_does_not_fit_is_left_out_and_said_where_nothing_does(planted_graph: Graph, metric: HeldOutMetric) -> None:
    small = Ease(max_items=100)
    blend = Blend(parts={"ease": small, "popular": Popularity()})
    assert (
        everyone(blend.build(planted_graph, None)).argmax()
        == everyone(Popularity().build(planted_graph, None)).argmax()
    )
    assert blend.builder(planted_graph).tuned_on(None, metric).build(None).item_operators == ()
    with pytest.raises(TrainingError, match="no part of scorer 'blend' fits 120 items: ease"):
        Blend(parts={"ease": small}).build(planted_graph, None)


@pytest.mark.parametrize(
    ("weights", "message"),
    [({"eas": 1.0}, "unknown part 'eas'; did you mean 'ease'"), ({"ease": 0.0}, "all weights are 0")],
)
def test_weights_are_of_parts(weights: dict[str, float], message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        Blend(parts={"ease": Ease()}, weights=weights)


def test_a_config_names_its_parts_and_they_survive_their_dump() -> None:
    room = TypeAdapter(AnyScorer)
    made = room.validate_python({"kind": "blend", "parts": {"a": {"kind": "svd", "dimension": 9}}, "weights": {"a": 3}})
    assert made.parts == {"a": Svd(dimension=9)}
    assert room.validate_python(room.dump_python(made, mode="json")) == made
    assert Blend(parts=PARTS).needs_embeddings()
    assert not Blend(parts=CLOSED).needs_embeddings()


class TestCoordinateAscent:
    def test_finds_the_peak_of_a_smooth_hill_to_its_finest_step(self) -> None:
        peak = {"a": 1.0, "b": 0.3, "c": 0.05}

        def hill(weights) -> torch.Tensor:
            apart = {name: max(weights[name], 1e-9) / max(weights["a"], 1e-9) / peak[name] for name in peak}
            return torch.tensor([-sum(np.log(each) ** 2 for each in apart.values())])

        found = coordinate_ascent(dict.fromkeys(peak, 1.0), hill)
        assert all(found[name] == pytest.approx(peak[name], rel=0.25) for name in peak)

    def test_is_never_worse_than_where_it_starts_and_stays_where_nothing_helps(self) -> None:
        for one, other in product([0.5, 1.0], repeat=2):
            start = {"a": one, "b": other}
            assert coordinate_ascent(start, lambda _: torch.ones(3)) == {
                name: weight / max(one, other) for name, weight in start.items()
            }

    def test_a_part_that_only_harms_gets_zero_and_one_part_is_evaluated_once(self) -> None:
        assert coordinate_ascent({"a": 1.0, "b": 1.0}, lambda weights: torch.tensor([-weights["b"]])) == {
            "a": 1.0,
            "b": 0.0,
        }
        evaluated = []
        assert coordinate_ascent({"a": 2.0, "b": 0.0}, lambda weights: evaluated.append(weights) or torch.zeros(3)) == {
            "a": 1.0,
            "b": 0.0,
        }
        assert len(evaluated) == 1


def test_what_a_builder_before_it_has_computed_for_equal_parts_is_taken(planted_graph: Graph) -> None:
    vectors = EmbeddingScorer()
    first = Blend(parts={"ease": Ease(l2=10), "svd": Svd(dimension=4), "vectors": vectors}).builder(planted_graph)
    other = Blend(parts={"items": Ease(l2=10), "svd": Svd(dimension=8), "vectors": vectors})
    second = other.builder(planted_graph, first)
    assert second.closed_forms["items"] is first.closed_forms["ease"]
    users = torch.arange(planted_graph.num_users)
    alone = other.builder(planted_graph).closed_forms["svd"]
    torch.testing.assert_close(second.closed_forms["svd"].scores(users), alone.scores(users))
    elsewhere = other.builder(replace(planted_graph), first)  # another graph, though an equal one
    assert elsewhere.closed_forms["items"] is not first.closed_forms["ease"]
