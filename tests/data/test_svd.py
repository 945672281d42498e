"""One truncated decomposition, by three methods, is NumPy's; that of a graph is computed once and dies with it."""

import gc
import weakref

import numpy as np
import pytest
from scipy.sparse import csr_matrix

from reccl.data.graph import Graph
from reccl.data.graph_cache import KEPT, cache_on_graph
from reccl.data.svd import decompose_graph, normalize_matrix, truncated_svd

METHODS = {"exact": {"exact": True}, "randomized": {"iterations": 20}}


def normal(graph: Graph) -> np.ndarray:
    """D_U^-1/2 R D_I^-1/2, dense."""
    matrix = np.zeros((graph.num_users, graph.num_items))
    matrix[graph.user, graph.item] = 1
    return matrix.sum(1, keepdims=True).clip(1) ** -0.5 * matrix * matrix.sum(0).clip(1) ** -0.5


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("rank", [4, 30, 90, 500])  # beyond half of 120 it is decomposed as a dense matrix
def test_it_is_the_truncated_decomposition(planted_graph: Graph, method: str, rank: int) -> None:
    dense = normal(planted_graph)
    left, values, right = np.linalg.svd(dense, full_matrices=False)
    left, values, right = left[:, :rank], values[:rank], right[:rank]
    for matrix in (csr_matrix(dense), dense):
        found = truncated_svd(matrix, rank, **METHODS[method])
        np.testing.assert_allclose(found.values, values, atol=1e-3)
        np.testing.assert_allclose(found.left * found.values @ found.right.T, left * values @ right, atol=5e-3)


@pytest.mark.parametrize("method", METHODS)
def test_equal_seeds_give_equal_tables_and_the_largest_component_of_right_vectors_is_positive(
    planted_graph: Graph, method: str
) -> None:
    matrix = normalize_matrix(planted_graph.interactions)
    first, again = (truncated_svd(matrix, 8, **METHODS[method], seed=3) for _ in range(2))
    assert np.array_equal(first.right, again.right)
    assert (first.right[np.abs(first.right).argmax(0), np.arange(8)] > 0).all()


@pytest.mark.parametrize("shape", [(0, 5), (5, 0), (3, 4)])
def test_of_nothing_there_are_no_vectors(shape: tuple[int, int]) -> None:
    found = truncated_svd(csr_matrix(shape), 0 if shape == (3, 4) else 2)
    assert (found.left.shape, found.right.shape) == ((shape[0], 0), (shape[1], 0))


def test_a_graph_is_decomposed_once_and_another_anew(planted_graph: Graph) -> None:
    again = Graph(*(getattr(planted_graph, name) for name in ("num_users", "num_items", "user", "item", "item_order")))
    assert decompose_graph(planted_graph, 4) is decompose_graph(planted_graph, 4)
    assert decompose_graph(planted_graph, 4) is not decompose_graph(planted_graph, 4, normalize=False)
    assert decompose_graph(planted_graph, 4) is not decompose_graph(again, 4)


def test_what_is_cached_dies_with_its_graph_and_does_not_pile_up(planted_graph: Graph) -> None:
    class Result:
        pass

    computed = []

    @cache_on_graph
    def compute(graph: Graph, number: int) -> Result:
        computed.append(number)
        return Result()

    graph = Graph(*(getattr(planted_graph, name) for name in ("num_users", "num_items", "user", "item", "item_order")))
    for number in (0, 1, 2, 2, 1, 0):
        compute(graph, number)
    assert computed == [0, 1, 2, 0]
    assert KEPT == 2
    result, alive = weakref.ref(compute(graph, 0)), weakref.ref(graph)
    assert result()
    del graph
    gc.collect()
    assert alive() is None
    assert result() is None
