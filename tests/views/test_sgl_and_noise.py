"""The views of SGL and SimGCL do what their papers' equations say."""

import torch

from reccl.data.graph import Graph
from reccl.views import EdgeDrop, NodeDrop, Noise, RandomWalk, View, ViewSettings


def sampled(settings: ViewSettings, graph: Graph, seed: int = 0) -> View:
    return settings.sample(graph, torch.Generator().manual_seed(seed))


def neighbors(view: View, layer: int = 0) -> torch.Tensor:
    return view.matrices[layer].matrix.to_dense() != 0


class TestNodeDrop:
    def test_a_dropped_node_loses_all_edges_and_nobody_else_loses_any(self, planted_graph: Graph) -> None:
        whole = planted_graph.adjacency.matrix.to_dense() != 0
        kept = neighbors(sampled(NodeDrop(rate=0.2), planted_graph))
        alone = ~kept.any(1)
        assert 0.1 < alone.float().mean() < 0.3
        expected = whole & ~alone[:, None] & ~alone[None, :]
        assert torch.equal(kept, expected)

    def test_users_and_items_are_dropped_at_the_same_rate(self, planted_graph: Graph) -> None:
        whole = planted_graph.adjacency.matrix.to_dense() != 0
        linked = whole.any(1)
        alone = torch.stack([~neighbors(sampled(NodeDrop(rate=0.3), planted_graph, seed)).any(1) for seed in range(20)])
        for side in (slice(0, planted_graph.num_users), slice(planted_graph.num_users, None)):
            dropped = alone[:, side][:, linked[side]].float().mean()
            assert 0.27 < dropped < 0.33

    def test_rate_zero_is_the_whole_graph(self, planted_graph: Graph) -> None:
        view = sampled(NodeDrop(rate=0), planted_graph)
        assert torch.allclose(view.matrices[0].matrix.to_dense(), planted_graph.adjacency.matrix.to_dense())


class TestRandomWalk:
    def test_every_layer_drops_other_edges(self, planted_graph: Graph) -> None:
        view = sampled(RandomWalk(rate=0.3, layers=3), planted_graph)
        masks = [neighbors(view, layer) for layer in range(3)]
        assert len(view.matrices) == 3
        for one, other in ((0, 1), (0, 2), (1, 2)):
            common = (masks[one] & masks[other]).sum() / masks[one].sum()
            assert 0.6 < common < 0.8  # independent draws share 0.7

    def test_one_layer_is_an_edge_drop(self, planted_graph: Graph) -> None:
        walk, drop = (
            sampled(RandomWalk(rate=0.3, layers=1), planted_graph),
            sampled(EdgeDrop(rate=0.3), planted_graph),
        )
        assert torch.equal(neighbors(walk), neighbors(drop))


class TestNoise:
    def test_adds_a_vector_of_its_length_in_the_orthant_of_the_embedding(self, planted_graph: Graph) -> None:
        x = torch.randn(planted_graph.num_nodes, 16, generator=torch.Generator().manual_seed(1))
        clean = planted_graph.adjacency @ x
        moved = sampled(Noise(length=0.25), planted_graph).propagate(x, 0) - clean
        linked = clean.abs().amin(1) > 1e-6
        assert torch.allclose(moved.norm(dim=1)[linked], torch.tensor(0.25), atol=1e-5)
        assert (moved[linked] * clean[linked] > 0).all()

    def test_is_drawn_anew_every_time(self, planted_graph: Graph) -> None:
        x = torch.ones(planted_graph.num_nodes, 4)
        view = sampled(Noise(), planted_graph)
        assert not torch.equal(view.propagate(x, 0), view.propagate(x, 0))

    def test_does_not_change_the_gradient(self, planted_graph: Graph) -> None:
        gradients = []
        for settings in (Noise(length=0.0), Noise(length=0.3)):
            x = torch.randn(planted_graph.num_nodes, 4, generator=torch.Generator().manual_seed(1), requires_grad=True)
            sampled(settings, planted_graph).propagate(x, 0).sum().backward()
            gradients.append(x.grad)
        assert torch.allclose(*gradients)
