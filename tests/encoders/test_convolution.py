"""Convolutions are those of their papers, over the edges that the view shows."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import Convolution, Embeddings, Encoder
from reccl.encoders.encoder import EncoderSettings
from reccl.views import EdgeDrop, Noise, RandomWalk, View

Both = Callable[[Embeddings], np.ndarray]


def built(settings: EncoderSettings, graph: Graph, features: FeatureTables) -> Encoder:
    return settings.build(graph, features, torch.Generator().manual_seed(0))


def inputs(encoder: Encoder) -> np.ndarray:
    """x^(0) [N, D]."""
    return torch.cat([encoder.users(None), encoder.items(None)]).detach().double().numpy()


def leaky(x: np.ndarray, slope: float) -> np.ndarray:
    return np.where(x > 0, x, slope * x)


def test_graphsage_equals_the_papers_equation_in_dense_matrices(
    planted_graph: Graph, features: FeatureTables, view: View, both: Both
) -> None:
    encoder = built(Convolution(operator="graphsage", dimension=6, layers=2), planted_graph, features)
    near = (planted_graph.adjacency.matrix.to_dense() > 0).double().numpy()
    mean = near / near.sum(1, keepdims=True)
    x = start = inputs(encoder)
    for layer in range(2):
        state = {name: tensor.double().numpy() for name, tensor in encoder.layers[layer].state_dict().items()}
        x = leaky(x, 0.01) if layer else x
        x = x @ state["lin_r.weight"].T + mean @ x @ state["lin_l.weight"].T + state["lin_l.bias"]
    np.testing.assert_allclose(both(encoder(view)), start + x, rtol=1e-4, atol=1e-5)


def test_gat_equals_the_papers_equation_in_dense_matrices(
    planted_graph: Graph, features: FeatureTables, view: View, both: Both
) -> None:
    encoder = built(Convolution(operator="gat", dimension=6, layers=1, heads=2), planted_graph, features)
    near = (planted_graph.adjacency.matrix.to_dense() > 0).numpy() | np.eye(320, dtype=bool)
    state = {name: tensor.double().numpy() for name, tensor in encoder.layers[0].state_dict().items()}
    start = inputs(encoder)
    heads = []
    for head in range(2):
        x = start @ state["lin.weight"][6 * head : 6 * head + 6].T
        sent, received = x @ state["att_src"][0, head], x @ state["att_dst"][0, head]
        weight = np.where(near, np.exp(leaky(received[:, None] + sent[None, :], 0.2)), 0)
        heads.append(weight / weight.sum(1, keepdims=True) @ x)
    expected = start + np.mean(heads, 0) + state["bias"]
    np.testing.assert_allclose(both(encoder(view)), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("operator", ["gat", "graphsage"])
class TestBoth:
    @pytest.mark.parametrize("other", [EdgeDrop(rate=0.5), Noise(length=0.5), RandomWalk(rate=0.5, layers=2)])
    def test_another_view_gives_other_embeddings(
        self, planted_graph: Graph, features: FeatureTables, view: View, both: Both, operator: str, other: EdgeDrop
    ) -> None:
        encoder = built(Convolution(operator=operator), planted_graph, features)
        seen = other.sample(planted_graph, torch.Generator().manual_seed(0))
        assert not np.allclose(both(encoder(view)), both(encoder(seen)))

    def test_starts_from_its_generator_alone_and_learns_in_every_parameter(
        self, planted_graph: Graph, features: FeatureTables, view: View, both: Both, operator: str
    ) -> None:
        settings = Convolution(operator=operator, heads=2)
        torch.manual_seed(1)
        encoder = built(settings, planted_graph, features)
        torch.manual_seed(2)
        assert np.array_equal(both(encoder(view)), both(built(settings, planted_graph, features)(view)))
        found = encoder(view)
        (found.users(None).square().sum() + found.items(None).square().sum()).backward()
        assert all(parameter.grad.abs().sum() > 0 for parameter in encoder.parameters())

    def test_dropout_works_in_training_alone(
        self, planted_graph: Graph, features: FeatureTables, view: View, both: Both, operator: str
    ) -> None:
        encoder = built(Convolution(operator=operator, dropout=0.5), planted_graph, features)
        assert not np.array_equal(both(encoder(view)), both(encoder(view)))
        encoder.eval()
        assert np.array_equal(both(encoder(view)), both(encoder(view)))


def test_the_edges_of_a_view_are_those_of_its_matrix(planted_graph: Graph) -> None:
    matrix = EdgeDrop(rate=0.5).sample(planted_graph, torch.Generator().manual_seed(0)).matrices[0]
    sender, receiver = matrix.edges
    found = torch.zeros(320, 320, dtype=torch.bool)
    found[receiver, sender] = True
    assert torch.equal(found, matrix.matrix.to_dense() > 0)


def test_torch_geometric_is_loaded_only_when_a_convolution_is_built() -> None:
    code = "import sys, reccl.encoders as e; e.Convolution(); print('torch_geometric' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
