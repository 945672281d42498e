"""NGCF is its paper's equation, its parts joined."""

from collections.abc import Callable

import numpy as np
import pytest
import torch
from pydantic import ValidationError

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import NGCF, Embeddings
from reccl.encoders.ngcf import split_evenly
from reccl.views import View

Both = Callable[[Embeddings], np.ndarray]


@pytest.mark.parametrize(("dimension", "layers"), [(8, 0), (8, 1), (8, 3), (11, 2)])
def test_equals_the_papers_equation_in_dense_matrices(
    planted_graph: Graph, features: FeatureTables, view: View, both: Both, dimension: int, layers: int
) -> None:
    settings = NGCF(dimension=dimension, layers=layers, initialization={"kind": "normal", "deviation": 1})
    encoder = settings.build(planted_graph, features, torch.Generator().manual_seed(0)).eval()
    state = {name: tensor.double().numpy() for name, tensor in encoder.state_dict().items()}
    near = planted_graph.adjacency.matrix.to_dense().double().numpy()
    x = state["nodes"]
    parts = [x]
    for layer in range(layers):
        inside = (near + np.eye(len(near))) @ x @ state[f"sums.{layer}"]
        inside += ((near @ x) * x) @ state[f"products.{layer}"]
        x = np.where(inside > 0, inside, 0.2 * inside)
        parts.append(x / np.linalg.norm(x, axis=1, keepdims=True))
    found = both(encoder(view))
    assert found.shape == (320, dimension)
    np.testing.assert_allclose(found, np.concatenate(parts, 1), rtol=1e-3, atol=1e-5)


def test_dropout_works_in_training_alone(planted_graph: Graph, features: FeatureTables, view: View, both: Both) -> None:
    encoder = NGCF(dropout=0.5).build(planted_graph, features, torch.Generator().manual_seed(0))
    assert not np.array_equal(both(encoder(view)), both(encoder(view)))
    encoder.eval()
    assert np.array_equal(both(encoder(view)), both(encoder(view)))


def test_the_dimension_is_shared_out_evenly() -> None:
    assert split_evenly(256, 4) == [64, 64, 64, 64]
    assert split_evenly(64, 3) == [22, 21, 21]


def test_fewer_components_than_parts_are_refused() -> None:
    with pytest.raises(ValidationError, match="dimension 3 is too small for 4 parts"):
        NGCF(dimension=3, layers=3)
