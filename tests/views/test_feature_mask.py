"""A feature mask hides a share of each node's inputs; its complement hides the others; every encoder starts from it."""

import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import (
    EGCF,
    NGCF,
    Convolution,
    EncoderSettings,
    LightGCN,
    MatrixFactorization,
    TwoTower,
)
from reccl.errors import TrainingError
from reccl.training import Contrast, Objective
from reccl.views import Dropout, EdgeDrop, FeatureMask, Plain, View, ViewSettings

PAIR = (FeatureMask(dropout=0), FeatureMask(dropout=0, complement=True))


def sampled(settings: ViewSettings, graph: Graph, seed: int = 0) -> View:
    return settings.sample(graph, torch.Generator().manual_seed(seed))


def hidden(view: View, nodes: torch.Tensor, inputs: int) -> torch.Tensor:
    """[n, F] True where an input of a node is all zero."""
    shown = view.input_perturbation(nodes, [torch.ones(len(nodes), 2 + place) for place in range(inputs)])
    return torch.stack([(x == 0).all(1) for x in shown], 1)


class TestMasks:
    @pytest.mark.parametrize(("rate", "inputs", "number"), [(0.5, 4, 2), (0.25, 4, 1), (0.01, 3, 1), (0.99, 3, 2)])
    def test_every_node_hides_its_share_and_shows_one_input_at_least(
        self, planted_graph: Graph, rate: float, inputs: int, number: int
    ) -> None:
        view = sampled(FeatureMask(rate=rate, dropout=0), planted_graph)
        masked = hidden(view, torch.arange(planted_graph.num_nodes), inputs)
        assert (masked.sum(1) == number).all()
        mean, deviation = number / inputs, (number / inputs * (1 - number / inputs) / planted_graph.num_nodes) ** 0.5
        assert ((masked.float().mean(0) - mean).abs() < 4 * deviation).all()

    def test_what_is_shown_is_as_it_was(self, planted_graph: Graph) -> None:
        nodes, x = torch.tensor([3, 7, 7]), [torch.randn(3, 5), torch.randn(3, 2), torch.randn(3, 1)]
        shown = sampled(FeatureMask(dropout=0), planted_graph).input_perturbation(nodes, x)
        assert all(((a == b).all(1) | (b == 0).all(1)).all() for a, b in zip(x, shown, strict=True))

    def test_is_one_mask_a_node_all_epoch_long(self, planted_graph: Graph) -> None:
        view = sampled(PAIR[0], planted_graph)
        nodes = torch.arange(planted_graph.num_nodes)
        assert torch.equal(hidden(view, nodes, 3), hidden(view, nodes, 3))
        assert torch.equal(hidden(view, nodes.flip(0), 3), hidden(view, nodes, 3).flip(0))
        assert not torch.equal(hidden(view, nodes, 3), hidden(sampled(PAIR[0], planted_graph, 1), nodes, 3))

    def test_an_only_input_stays_and_loses_components(self, planted_graph: Graph) -> None:
        view = sampled(FeatureMask(dropout=0.25), planted_graph)
        (shown,) = view.input_perturbation(torch.arange(100), [torch.ones(100, 8)])
        assert abs((shown == 0).sum().item() - 200) < 4 * (800 * 0.25 * 0.75) ** 0.5


class TestComplement:
    def drawn(self, graph: Graph) -> tuple[View, View]:
        objective = Objective(
            {"contrast": Contrast(first=PAIR[0], second=PAIR[1])}, graph, torch.Generator().manual_seed(0)
        )
        objective.sample_views()
        first, second = objective.views["contrast"]
        return first, second

    @pytest.mark.parametrize("inputs", [2, 3, 6])
    def test_the_second_view_hides_exactly_what_the_first_shows(self, planted_graph: Graph, inputs: int) -> None:
        first, second = self.drawn(planted_graph)
        nodes = torch.arange(planted_graph.num_nodes)
        assert torch.equal(hidden(second, nodes, inputs), ~hidden(first, nodes, inputs))

    def test_without_it_both_are_drawn_apart(self, planted_graph: Graph) -> None:
        objective = Objective(
            {"contrast": Contrast(first=PAIR[0], second=PAIR[0])}, planted_graph, torch.Generator().manual_seed(0)
        )
        objective.sample_views()
        first, second = (hidden(view, torch.arange(200), 4) for view in objective.views["contrast"])
        assert 0 < (first == second).float().mean() < 1

    def test_two_complements_of_different_views_are_two_views(self, planted_graph: Graph) -> None:
        terms = {
            name: Contrast(first=FeatureMask(rate=rate, dropout=0), second=PAIR[1])
            for name, rate in {"some": 0.25, "most": 0.75}.items()
        }
        objective = Objective(terms, planted_graph, torch.Generator().manual_seed(0))
        objective.sample_views()
        nodes = torch.arange(planted_graph.num_nodes)
        for first, second in objective.views.values():
            assert torch.equal(hidden(second, nodes, 4), ~hidden(first, nodes, 4))

    def test_of_nothing_or_of_another_kind_says_what_is_missing(self, planted_graph: Graph) -> None:
        with pytest.raises(TrainingError, match="needs a first view"):
            sampled(PAIR[1], planted_graph)
        objective = Objective(
            {"contrast": Contrast(first=EdgeDrop(), second=PAIR[1])}, planted_graph, torch.Generator().manual_seed(0)
        )
        with pytest.raises(TrainingError, match="needs a feature_mask as the first view"):
            objective.sample_views()


ENCODERS = {
    "convolution": Convolution(dimension=8, layers=1),
    "egcf": EGCF(dimension=8),
    "lightgcn": LightGCN(dimension=8, layers=1),
    "matrix_factorization": MatrixFactorization(dimension=8),
    "ngcf": NGCF(dimension=8, layers=1),
    "two_tower": TwoTower(dimension=8, hidden=()),
}


@pytest.mark.parametrize("name", ENCODERS)
def test_every_encoder_starts_from_perturbed_inputs_in_that_view_alone(
    name: str, planted_dataset: Dataset, planted_graph: Graph
) -> None:
    settings: EncoderSettings = ENCODERS[name]
    encoder = settings.build(
        planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0)
    ).eval()
    dropped = encoder(sampled(Dropout(rate=0, input_rate=0.5), planted_graph))
    plain, again = (encoder(sampled(Plain(), planted_graph)) for _ in range(2))
    for side in ("users", "items"):
        one, other, whole = (getattr(each, side)(torch.arange(20)) for each in (dropped, plain, again))
        assert torch.equal(other, whole)
        assert one.shape == other.shape
        assert not torch.isclose(one, other).all(1).any()


def test_towers_of_complementary_views_see_each_input_once(planted_dataset: Dataset, planted_graph: Graph) -> None:
    """Without hidden layers a tower is linear: the two views' towers sum up to the whole and one more bias."""
    towers = TwoTower(dimension=8, hidden=())
    encoder = towers.build(planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0))
    first, second = TestComplement().drawn(planted_graph)
    one, other, whole = (encoder(view) for view in (first, second, sampled(Plain(), planted_graph)))
    for side in ("users", "items"):
        parts, sums = (getattr(each, side)(None) for each in (one, other)), getattr(whole, side)(None)
        torch.testing.assert_close(sum(parts), sums)
