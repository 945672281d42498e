"""Spectral tables are the main directions of the normalized training matrix, scaled as they say."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.encoders import EGCF, NGCF, LightGCN, MatrixFactorization, TwoTower
from reccl.encoders.initialization import Spectral

SILENT = 1e-9
"""A noise that is none."""


def tables(settings: Spectral, graph: Graph, dimension: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    made = settings.sample_tables(graph, dimension, torch.Generator().manual_seed(seed))
    return made[0].double().numpy(), made[1].double().numpy()


def normal(graph: Graph) -> np.ndarray:
    """D_U^-1/2 R D_I^-1/2, dense."""
    matrix = np.zeros((graph.num_users, graph.num_items))
    matrix[graph.user, graph.item] = 1
    return matrix.sum(1, keepdims=True).clip(1) ** -0.5 * matrix * matrix.sum(0).clip(1) ** -0.5


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0])
@pytest.mark.parametrize("dimension", [7, 80])
def test_tables_are_scaled_singular_vectors_of_the_normalized_matrix(
    planted_graph: Graph, exponent: float, dimension: int
) -> None:
    settings = Spectral(exponent=exponent, deviation=0.3, noise=SILENT, iterations=20)
    users, items = tables(settings, planted_graph, dimension)
    left, values, right = np.linalg.svd(normal(planted_graph), full_matrices=False)
    left, right = (side[:, :dimension] * values[:dimension] ** exponent for side in (left, right.T))
    both = np.concatenate([left, right])
    scale = 0.3 / np.sqrt(np.mean(both**2))
    sign = np.sign((items * right).sum(0))  # a singular pair is known up to its sign
    np.testing.assert_allclose(np.concatenate([users, items]) * sign, both * scale, atol=2e-3)
    assert (items[np.abs(items).argmax(0), np.arange(dimension)] > 0).all()


def test_one_hop_over_the_graph_maps_items_onto_users_by_the_singular_values(planted_graph: Graph) -> None:
    users, items = tables(Spectral(noise=SILENT, iterations=20), planted_graph, 5)
    values = np.linalg.svd(normal(planted_graph), compute_uv=False)[:5]
    np.testing.assert_allclose(normal(planted_graph) @ items, users * values, atol=1e-3)


def test_nodes_and_components_without_a_direction_start_from_small_noise(planted_graph: Graph) -> None:
    rows = pl.DataFrame({"user": [0, 0, 1, 2], "item": [0, 1, 1, 0]})
    users, items = tables(Spectral(deviation=0.2), Graph.from_interactions(rows, 500, 3), 6)
    assert users[:3, :2].std() > 0.2
    cold = users[3:]
    assert cold.std() == pytest.approx(0.002, rel=0.1)
    assert np.abs(items[:, 3:]).max() < 0.02
    nothing, _ = tables(Spectral(), Graph.from_interactions(rows.clear(), 5, 3), 6)
    assert 0 < np.abs(nothing).max() < 0.01


def test_equal_seeds_give_equal_tables_and_another_seed_other_noise(planted_graph: Graph) -> None:
    first, again, other = (tables(Spectral(), planted_graph, 8, seed)[0] for seed in (1, 1, 2))
    assert np.array_equal(first, again)
    assert 0 < np.abs(first - other)[:, :4].max() < 0.05  # the four blocks stand out from the rest


def test_what_is_no_node_starts_as_normal_numbers() -> None:
    words = Spectral(deviation=0.3).sample_table(4000, 8, torch.Generator().manual_seed(0))
    assert words.std().item() == pytest.approx(0.3, rel=0.02)


@pytest.mark.parametrize(
    "encoder", [EGCF, LightGCN, MatrixFactorization, NGCF, TwoTower], ids=lambda kind: kind.__name__
)
def test_encoders_start_from_it(encoder: type, planted_graph: Graph, features: FeatureTables) -> None:
    settings = encoder(dimension=8, initialization={"kind": "spectral", "noise": SILENT})
    built = settings.build(planted_graph, features, torch.Generator().manual_seed(0))
    width = 2 if encoder is NGCF else 8
    users, items = Spectral(noise=SILENT).sample_tables(planted_graph, width, torch.Generator().manual_seed(0))
    found = list(built.state_dict().values())
    wanted = [items, torch.cat([users, items])]
    assert any(table.shape == each.shape and torch.equal(table, each) for table in found for each in wanted)
