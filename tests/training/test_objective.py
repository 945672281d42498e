"""The objective is the weighted sum of its terms, and encodes every distinct view once."""

import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder, LightGCN
from reccl.training import L2, Contrast, CrossLayer, FullSoftmax, Objective, Ranking, TermSettings
from reccl.training.fit import sum_losses
from reccl.views import EdgeDrop, Noise, Plain, View


class Counting(Encoder):
    def __init__(self, inner: Encoder) -> None:
        super().__init__()
        self.inner, self.seen = inner, []

    def forward(self, view: View) -> Embeddings:
        self.seen.append(view)
        return self.inner(view)


@pytest.fixture
def encoder(planted_graph: Graph, planted_dataset: Dataset) -> Counting:
    generator = torch.Generator().manual_seed(0)
    return Counting(LightGCN(dimension=8).build(planted_graph, planted_dataset.build_feature_tables(), generator))


def objective(graph: Graph, **terms: TermSettings) -> Objective:
    made = Objective(terms, graph, torch.Generator().manual_seed(0))
    made.sample_views()
    return made


@pytest.mark.parametrize(
    ("terms", "times"),
    [
        ({"ranking": Ranking()}, 1),
        ({"ranking": Ranking(), "softmax": FullSoftmax(), "l2": L2()}, 1),
        ({"ranking": Ranking(), "contrast": Contrast(), "l2": L2()}, 3),
        ({"contrast": Contrast(first=Plain(), second=Plain())}, 1),
        ({"ranking": Ranking(), "contrast": Contrast(first=Plain())}, 2),
        ({"ranking": Ranking(view=EdgeDrop()), "l2": L2()}, 1),
        ({"ranking": Ranking(view=EdgeDrop()), "contrast": Contrast()}, 2),
        ({"ranking": Ranking(view=Noise()), "cross": CrossLayer(view=Noise())}, 1),
        ({"ranking": Ranking(view=Noise(length=0.3)), "cross": CrossLayer(view=Noise())}, 2),
    ],
    ids=lambda value: "+".join(value) if isinstance(value, dict) else f"{value} times",
)
def test_every_distinct_view_is_encoded_once_a_step(
    planted_graph: Graph, encoder: Counting, batch: Batch, terms: dict[str, TermSettings], times: int
) -> None:
    step = objective(planted_graph, **terms)
    step(encoder, batch)
    assert len(encoder.seen) == len(set(encoder.seen)) == times
    step(encoder, batch)
    assert len(encoder.seen) == 2 * times


def test_a_term_without_views_looks_at_the_plain_one_where_another_does_in_any_order(planted_graph: Graph) -> None:
    apart = Contrast(first=EdgeDrop(), second=EdgeDrop())
    views = objective(planted_graph, contrast=apart, l2=L2(), ranking=Ranking()).views
    assert views["l2"] == views["ranking"]
    views = objective(planted_graph, l2=L2(), contrast=apart).views
    assert views["l2"] == views["contrast"][:1]


def test_terms_are_weighted_and_their_sum_is_minimized(planted_graph: Graph, encoder: Counting, batch: Batch) -> None:
    once = objective(planted_graph, ranking=Ranking(), contrast=Contrast(weight=1), l2=L2(weight=1))(encoder, batch)
    found = objective(planted_graph, ranking=Ranking(weight=2), contrast=Contrast(weight=0.5), l2=L2(weight=0.1))
    values = found(encoder, batch)
    weights = {"ranking": 2, "contrast": 0.5, "l2": 0.1}
    for name, weight in weights.items():
        torch.testing.assert_close(values[name], weight * once[name])
    torch.testing.assert_close(sum_losses(values), sum(values.values()))


def test_a_term_without_weight_is_not_computed(planted_graph: Graph, encoder: Counting, batch: Batch) -> None:
    values = objective(planted_graph, ranking=Ranking(), contrast=Contrast(weight=0))(encoder, batch)
    assert set(values) == {"ranking"}
    assert len(encoder.seen) == 1


def test_views_stay_for_an_epoch_and_are_drawn_anew_for_the_next(
    planted_graph: Graph, encoder: Counting, batch: Batch
) -> None:
    step = objective(planted_graph, contrast=Contrast())
    step(encoder, batch)
    step(encoder, batch)
    assert encoder.seen[:2] == encoder.seen[2:]
    step.sample_views()
    step(encoder, batch)
    assert not set(encoder.seen[:2]) & set(encoder.seen[4:])


def test_gradients_of_the_sum_are_the_sum_of_gradients(planted_graph: Graph, encoder: Counting, batch: Batch) -> None:
    terms = {"ranking": Ranking(), "l2": L2(weight=0.1)}
    parts = []
    for chosen in ({"ranking"}, {"l2"}, {"ranking", "l2"}):
        encoder.zero_grad()
        step = objective(planted_graph, **{name: terms[name] for name in sorted(chosen)})
        sum_losses(step(encoder, batch)).backward()
        parts.append(next(encoder.parameters()).grad.clone())
    torch.testing.assert_close(parts[0] + parts[1], parts[2])
