"""EGCF makes users from their items."""

from collections.abc import Callable

import numpy as np
import pytest
import torch

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import EGCF, Embeddings
from reccl.views import View


@pytest.mark.parametrize("layers", [1, 3])
def test_equals_the_papers_equation_in_dense_matrices(
    planted_graph: Graph,
    features: FeatureTables,
    view: View,
    both: Callable[[Embeddings], np.ndarray],
    layers: int,
) -> None:
    settings = EGCF(dimension=8, layers=layers, initialization={"kind": "normal", "deviation": 1})
    encoder = settings.build(planted_graph, features, torch.Generator().manual_seed(0))
    assert [tuple(parameter.shape) for parameter in encoder.parameters()] == [(120, 8)]
    items = encoder.state_dict()["items"].double().numpy()
    near = planted_graph.adjacency.matrix.to_dense().double().numpy()
    users = np.tanh(near[:200, 200:] @ items)
    hops = [np.concatenate([users, items])]
    for _ in range(layers):
        hops.append(np.tanh(near @ hops[-1]))
    found = encoder(view)
    np.testing.assert_allclose(both(found), sum(hops[1:]), rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(both(found.layers[-1]), hops[-1], rtol=1e-4, atol=1e-5)
    np.testing.assert_allclose(found.initial_users(None).detach(), users, rtol=1e-4, atol=1e-5)
    assert torch.equal(found.initial_items(None), encoder.state_dict()["items"])
