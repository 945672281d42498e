"""A view shows the graph's edges, drawn by its generator alone, and lets gradients through."""

import pytest
import torch
from pydantic import TypeAdapter, ValidationError

from reccl.data.graph import Graph
from reccl.views import AnyView, EdgeDrop, Plain, View, ViewSettings

ROOM = AnyView


def sampled(settings: ViewSettings, graph: Graph, seed: int = 0) -> View:
    return settings.sample(graph, torch.Generator().manual_seed(seed))


def seen(view: View) -> torch.Tensor:
    return view.matrices[0].matrix.to_dense()


class TestContract:
    def test_builds_from_defaults_and_survives_its_own_dump(self, part: type[ViewSettings]) -> None:
        room = TypeAdapter(AnyView)
        made = room.validate_python({"kind": part().kind})
        assert made == part()
        assert room.validate_python(room.dump_python(made, mode="json")) == made

    def test_refuses_keys_that_do_not_exist(self, part: type[ViewSettings]) -> None:
        with pytest.raises(ValidationError, match="unknown key 'ratio'"):
            part.model_validate({"ratio": 1})

    def test_every_layer_gives_a_finite_table_and_finite_gradients(
        self, part: type[ViewSettings], planted_graph: Graph
    ) -> None:
        view = sampled(part(), planted_graph)
        x = torch.randn(planted_graph.num_nodes, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
        y = x
        for layer in range(3):
            y = view.propagate(y, layer)
            assert y.shape == x.shape
        y.square().sum().backward()
        assert y.isfinite().all()
        assert x.grad.isfinite().all()
        assert x.grad.abs().sum() > 0

    def test_the_same_seed_gives_the_same_view(self, part: type[ViewSettings], planted_graph: Graph) -> None:
        x = torch.randn(planted_graph.num_nodes, 4, generator=torch.Generator().manual_seed(1))
        first, again = (sampled(part(), planted_graph, seed=5).propagate(x, 0) for _ in range(2))
        assert torch.equal(first, again)

    def test_leaves_the_graph_as_it_was(self, part: type[ViewSettings], planted_graph: Graph) -> None:
        before = planted_graph.adjacency.matrix.to_dense()
        sampled(part(), planted_graph).propagate(torch.ones(planted_graph.num_nodes, 2), 0)
        assert torch.equal(planted_graph.adjacency.matrix.to_dense(), before)


class TestPlain:
    def test_is_the_whole_graph_and_always_the_same_view(self, planted_graph: Graph) -> None:
        first, second = sampled(Plain(), planted_graph, 0), sampled(Plain(), planted_graph, 1)
        assert first == second
        assert hash(first) == hash(second)
        assert torch.equal(seen(first), planted_graph.adjacency.matrix.to_dense())


class TestEdgeDrop:
    @pytest.mark.parametrize("rate", [0.05, 0.3, 0.9])
    def test_drops_its_rate_of_edges_within_four_deviations(self, planted_graph: Graph, rate: float) -> None:
        edges, draws = len(planted_graph.user), 20
        kept = sum(sampled(EdgeDrop(rate=rate), planted_graph, seed).matrices[0].matrix._nnz() for seed in range(draws))
        count = edges * draws
        deviation = (count * rate * (1 - rate)) ** 0.5
        assert abs((count - kept / 2) - count * rate) < 4 * deviation

    def test_every_edge_has_the_same_chance(self, planted_graph: Graph) -> None:
        draws = 400
        kept = sum((seen(sampled(EdgeDrop(rate=0.3), planted_graph, seed)) != 0).float() for seed in range(draws))
        share = kept[planted_graph.row, planted_graph.column] / draws
        assert (share - 0.7).abs().max() < 5 * (0.3 * 0.7 / draws) ** 0.5

    def test_drops_both_directions_and_normalizes_by_the_degrees_that_remain(self, planted_graph: Graph) -> None:
        matrix = seen(sampled(EdgeDrop(rate=0.5), planted_graph))
        edge = (matrix != 0).double()
        assert torch.equal(edge, edge.T)
        degree = edge.sum(1).clamp(min=1)
        torch.testing.assert_close(
            matrix.double(), edge / (degree[:, None] * degree[None, :]).sqrt(), rtol=1e-5, atol=1e-7
        )

    def test_shows_no_edge_that_is_not_trained_on(self, planted_graph: Graph) -> None:
        shown = seen(sampled(EdgeDrop(), planted_graph)) != 0
        assert not (shown & (planted_graph.adjacency.matrix.to_dense() == 0)).any()

    def test_dropping_nothing_is_the_whole_graph(self, planted_graph: Graph) -> None:
        torch.testing.assert_close(
            seen(sampled(EdgeDrop(rate=0), planted_graph)), planted_graph.adjacency.matrix.to_dense()
        )

    def test_two_draws_differ_and_are_two_views(self, planted_graph: Graph) -> None:
        generator = torch.Generator().manual_seed(0)
        first, second = (EdgeDrop().sample(planted_graph, generator) for _ in range(2))
        assert first != second
        assert not torch.equal(seen(first), seen(second))

    @pytest.mark.parametrize("rate", [-0.1, 1.0])
    def test_a_rate_that_leaves_nothing_or_is_none_is_refused(self, rate: float) -> None:
        with pytest.raises(ValidationError, match="rate"):
            EdgeDrop(rate=rate)


def test_a_view_may_have_a_matrix_for_each_layer_and_perturb_what_comes_out(planted_graph: Graph) -> None:
    half = planted_graph.drop_edges(torch.arange(len(planted_graph.user)) % 2 == 0)
    view = View((planted_graph.adjacency, half), layer_perturbation=lambda x, layer: x + layer)
    x = torch.ones(planted_graph.num_nodes, 2)
    torch.testing.assert_close(view.propagate(x, 0), planted_graph.adjacency @ x)
    torch.testing.assert_close(view.propagate(x, 1), half @ x + 1)
    torch.testing.assert_close(view.propagate(x, 5), half @ x + 5)  # the last matrix serves all further layers


@pytest.mark.parametrize(("path", "message"), [("math.pi", "is not a subclass"), ("nowhere.Part", "cannot import")])
def test_a_class_from_outside_must_be_a_view(path: str, message: str) -> None:
    with pytest.raises(ValidationError, match=message):
        TypeAdapter(AnyView).validate_python({"class": path})
