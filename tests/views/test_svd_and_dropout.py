"""The views of LightGCL and SimCSE do what their papers' equations say."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.graph import Graph
from reccl.errors import TrainingError
from reccl.views import Dropout, Plain, Svd, View, ViewSettings
from reccl.views.svd import decompose


def sampled(settings: ViewSettings, graph: Graph, seed: int = 0) -> View:
    return settings.sample(graph, torch.Generator().manual_seed(seed))


def table(graph: Graph, dimension: int = 8) -> torch.Tensor:
    return torch.randn(graph.num_nodes, dimension, generator=torch.Generator().manual_seed(1))


class TestSvd:
    @pytest.mark.parametrize("rank", [1, 4])  # the planted blocks: the values after these are far smaller
    def test_is_the_truncated_decomposition_of_the_normalized_matrix(self, planted_graph: Graph, rank: int) -> None:
        dense = planted_graph.adjacency.matrix.to_dense().double().numpy()
        block = dense[: planted_graph.num_users, planted_graph.num_users :]
        left, values, right = np.linalg.svd(block)
        cut = (left[:, :rank] * values[:rank]) @ right[:rank]
        x = table(planted_graph).double().numpy()
        users, items = x[: planted_graph.num_users], x[planted_graph.num_users :]
        expected = np.concatenate([cut @ items, cut.T @ users])
        found = sampled(Svd(rank=rank), planted_graph).propagate(table(planted_graph), 0)
        assert np.abs(found.numpy() - expected).max() < 0.02 * np.abs(expected).max()

    @pytest.mark.parametrize("rank", [2, 5, 20])
    def test_no_matrix_of_the_rank_is_clearly_nearer_to_the_graph(self, planted_graph: Graph, rank: int) -> None:
        block = planted_graph.adjacency.matrix.to_dense()[: planted_graph.num_users, planted_graph.num_users :]
        nearest = torch.linalg.svdvals(block)[rank:].square().sum().sqrt()
        factors = decompose(planted_graph, rank)
        assert factors.left.shape[1] == factors.right.shape[1] == rank
        assert (block - factors.left @ factors.right.T).norm() < 1.01 * nearest

    def test_with_every_direction_it_is_the_graph(self, planted_graph: Graph) -> None:
        x = table(planted_graph)
        found = sampled(Svd(rank=1000), planted_graph).propagate(x, 0)
        torch.testing.assert_close(found, planted_graph.adjacency @ x, rtol=1e-3, atol=1e-4)

    def test_the_gradient_is_the_same_product_since_it_is_symmetric(self, planted_graph: Graph) -> None:
        x, direction = table(planted_graph).requires_grad_(), table(planted_graph).flip(0)
        view = sampled(Svd(), planted_graph)
        (view.propagate(x, 0) * direction).sum().backward()
        torch.testing.assert_close(x.grad, view.propagate(direction, 0))

    def test_a_graph_is_decomposed_once_and_is_one_view_in_every_epoch(self, planted_graph: Graph) -> None:
        first, second = sampled(Svd(), planted_graph, 0), sampled(Svd(), planted_graph, 1)
        assert first == second
        assert first != sampled(Svd(rank=3), planted_graph)

    def test_a_layer_continued_from_its_own_is_one_rebuilt_from_the_graphs(self, planted_graph: Graph) -> None:
        view, x = sampled(Svd(rank=4), planted_graph), table(planted_graph)
        own, rebuilt = (view.propagate(below, 1) for below in (view.propagate(x, 0), planted_graph.adjacency @ x))
        torch.testing.assert_close(own, rebuilt, rtol=0, atol=0.01 * own.abs().max().item())

    def test_says_so_where_an_encoder_asks_for_edges(self, planted_graph: Graph) -> None:
        with pytest.raises(TrainingError, match="links every user with every item"):
            _ = sampled(Svd(), planted_graph).matrices[0].edges

    def test_another_graph_is_another_decomposition(self, planted_graph: Graph) -> None:
        half = len(planted_graph.user) // 2
        edges = {"user": planted_graph.user[:half].numpy(), "item": planted_graph.item[:half].numpy()}
        smaller = Graph.from_interactions(pl.DataFrame(edges), planted_graph.num_users, planted_graph.num_items)
        assert decompose(smaller, 5) is not decompose(planted_graph, 5)


class TestDropout:
    def test_drops_its_rate_of_components_and_scales_the_rest(self, planted_graph: Graph) -> None:
        x = table(planted_graph, 16)
        clean = planted_graph.adjacency @ x
        found = sampled(Dropout(rate=0.25), planted_graph).propagate(x, 0)
        dropped = (found == 0) & (clean != 0)
        components = clean.numel()
        assert abs(dropped.sum().item() - 0.25 * components) < 4 * (components * 0.25 * 0.75) ** 0.5
        torch.testing.assert_close(found[~dropped], clean[~dropped] / 0.75)

    def test_is_drawn_anew_every_time(self, planted_graph: Graph) -> None:
        view = sampled(Dropout(), planted_graph)
        assert not torch.equal(*(view.propagate(table(planted_graph), 0) for _ in range(2)))

    def test_rate_zero_is_the_whole_graph(self, planted_graph: Graph) -> None:
        found, whole = (
            sampled(view, planted_graph).propagate(table(planted_graph), 0) for view in (Dropout(rate=0), Plain())
        )
        assert torch.equal(found, whole)

    def test_the_gradient_passes_where_a_component_stayed(self, planted_graph: Graph) -> None:
        perturb = sampled(Dropout(rate=0.5), planted_graph).layer_perturbation
        x = torch.ones(30, 4, requires_grad=True)
        out = perturb(x, 0)
        out.sum().backward()
        assert torch.equal(x.grad, out.detach())

    def test_of_inputs_drops_its_rate_where_an_encoder_starts_and_leaves_hops_whole(self, planted_graph: Graph) -> None:
        view, x = sampled(Dropout(rate=0, input_rate=0.25), planted_graph), table(planted_graph, 16)
        assert torch.equal(view.propagate(x, 0), planted_graph.adjacency @ x)
        rows = torch.arange(planted_graph.num_items)
        (found,) = view.input_perturbation_from(planted_graph.num_users)(rows, [x[planted_graph.num_users :]])
        dropped = found == 0
        assert abs(dropped.sum().item() - 0.25 * found.numel()) < 4 * (found.numel() * 0.25 * 0.75) ** 0.5
        torch.testing.assert_close(found[~dropped], x[planted_graph.num_users :][~dropped] / 0.75)
