"""Sparse EASE and SLIM equal the regressions of each item on its nearest items, one by one in NumPy."""

import numpy as np
import polars as pl
import pytest
import torch
from scipy.sparse import csr_matrix
from sklearn.linear_model import ElasticNet

from reccl.data.graph import Graph
from reccl.scorers import Ease, ScorerSettings, Slim, SparseEase
from reccl.scorers.item_neighborhoods import split_gram

MODULE = "reccl.scorers.item_neighborhoods"
USERS, ITEMS = 60, 35


@pytest.fixture(params=["dense Gram matrix", "columns"])
def route(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Both ways to the small Gram matrices, in chunks that do not divide the items."""
    monkeypatch.setattr(f"{MODULE}.CHUNK", 8)
    if request.param == "columns":
        monkeypatch.setattr(f"{MODULE}.DENSE_ITEMS", 0)


@pytest.fixture(scope="module")
def dense() -> np.ndarray:
    """[U, I] weights of which no two correlations are tied; the last item has no interactions."""
    random = np.random.default_rng(1)
    matrix = (random.random((USERS, ITEMS)) < np.linspace(0.5, 0.1, ITEMS)) * random.uniform(0.5, 2, (USERS, ITEMS))
    matrix[:, -1] = 0
    return matrix.astype(np.float32).astype(float)


@pytest.fixture(scope="module")
def graph(dense: np.ndarray) -> Graph:
    user, item = np.nonzero(dense)
    table = pl.DataFrame({"user": user, "item": item, "weight": dense[user, item]})
    return Graph.from_interactions(table, USERS, ITEMS)


def weights_of(settings: ScorerSettings, graph: Graph) -> np.ndarray:
    """[I, I] row j: with what weights items predict item j."""
    [matrix] = settings.build(graph, None).item_operators[0].matrices
    return matrix.to_dense().double().numpy()


def nearest(gram: np.ndarray, item: int, neighbors: int) -> list[int]:
    length = np.sqrt(np.where(np.diag(gram) > 0, np.diag(gram), 1))
    order = np.argsort(-gram[item] / length, kind="stable").tolist()
    return [other for other in order if other != item][:neighbors]


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("exponent", [0, 0.5])
def test_sparse_ease_inverts_the_gram_matrix_of_an_item_and_its_nearest(
    graph: Graph, dense: np.ndarray, exponent: float
) -> None:
    rows = dense.sum(1, keepdims=True) ** -exponent * dense
    gram, expected = rows.T @ rows, np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS - 1):
        own = [item, *nearest(gram, item, 6)]
        inverse = np.linalg.inv(gram[np.ix_(own, own)] + 3 * np.eye(7))
        expected[item, own[1:]] = -inverse[1:, 0] / inverse[0, 0]
    found = weights_of(SparseEase(neighbors=6, l2=3, user_exponent=exponent), graph)
    np.testing.assert_allclose(found, expected, atol=1e-5)


@pytest.mark.usefixtures("route")
@pytest.mark.parametrize("neighbors", [ITEMS - 1, 1000])
def test_sparse_ease_with_all_items_is_ease(graph: Graph, neighbors: int) -> None:
    everybody = torch.arange(USERS)
    sparse = SparseEase(neighbors=neighbors, l2=3).build(graph, None).scores(everybody)
    whole = Ease(l2=3).build(graph, None).scores(everybody)
    torch.testing.assert_close(sparse, whole, atol=1e-4, rtol=1e-4)


@pytest.mark.usefixtures("route")
def test_a_column_is_the_best_that_its_neighbors_allow(graph: Graph, dense: np.ndarray) -> None:
    found = weights_of(SparseEase(neighbors=4, l2=3), graph)
    assert ((found != 0).sum(1) <= 4).all() and (np.diag(found) == 0).all()

    def loss(item: int, column: np.ndarray) -> float:
        return float(np.square(dense[:, item] - dense @ column).sum() + 3 * np.square(column).sum())

    random = np.random.default_rng(2)
    for item in range(ITEMS):
        best = loss(item, found[item])
        for _ in range(20):
            assert best <= loss(item, found[item] + random.normal(0, 0.05, ITEMS) * (found[item] != 0)) + 1e-6


@pytest.mark.usefixtures("route")
def test_slim_satisfies_the_conditions_of_its_minimum(graph: Graph, dense: np.ndarray) -> None:
    found = weights_of(Slim(neighbors=ITEMS - 1, l1=2, l2=3, sweeps=500, tolerance=0), graph)
    assert (found >= 0).all() and (np.diag(found) == 0).all()
    for item in range(ITEMS):
        slope = -dense.T @ (dense[:, item] - dense @ found[item]) + 3 * found[item] + 2  # [I] gradient
        others = np.arange(ITEMS) != item
        positive = found[item] > 0
        np.testing.assert_allclose(slope[positive], 0, atol=1e-3)
        assert (slope[others & ~positive] > -1e-3).all()
    assert 0 < (found > 0).mean() < 0.9


@pytest.mark.usefixtures("route")
def test_slim_among_the_nearest_is_scikit_learns_elastic_net_on_them(graph: Graph, dense: np.ndarray) -> None:
    gram, expected = dense.T @ dense, np.zeros((ITEMS, ITEMS))
    for item in range(ITEMS - 1):
        own = nearest(gram, item, 9)
        model = ElasticNet(alpha=5 / USERS, l1_ratio=2 / 5, positive=True, fit_intercept=False, tol=1e-9, max_iter=9999)
        expected[item, own] = model.fit(dense[:, own], dense[:, item]).coef_
    found = weights_of(Slim(neighbors=9, l1=2, l2=3, sweeps=500, tolerance=0), graph)
    np.testing.assert_allclose(found, expected, atol=1e-4)


def test_rounds_end_when_weights_stand_still(graph: Graph) -> None:
    thorough = weights_of(Slim(l1=2, l2=3, sweeps=500, tolerance=0), graph)
    quick = weights_of(Slim(l1=2, l2=3, sweeps=500, tolerance=1e-3), graph)
    single = weights_of(Slim(l1=2, l2=3, sweeps=1), graph)
    assert 0 < np.abs(quick - thorough).max() < 5e-3 < np.abs(single - thorough).max()


def test_an_item_with_few_correlations_sees_the_most_popular_of_the_others_too() -> None:
    rows = np.zeros((9, 6), np.float32)
    rows[:2, [0, 3]] = 1  # items 0 and 3 are together, and with nothing else
    rows[2:, 5], rows[4:, 2], rows[6:, 1] = 1, 1, 1
    [found] = split_gram(csr_matrix(rows), neighbors=3)
    assert found.items[0].tolist() == [0, 3, 5, 2]
    assert found.items[4].tolist() == [4, 5, 2, 1]  # the item without interactions
    for chosen, gram in zip(found.items, found.gram, strict=True):
        np.testing.assert_array_equal(gram, (rows.T @ rows)[np.ix_(chosen, chosen)])


def test_the_whole_gram_matrix_of_a_large_catalog_never_exists(graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes, dense = [], csr_matrix.toarray
    monkeypatch.setattr(f"{MODULE}.DENSE_ITEMS", 0)
    monkeypatch.setattr(f"{MODULE}.CHUNK", 4)
    monkeypatch.setattr(csr_matrix, "toarray", lambda self, **how: sizes.append(self.shape) or dense(self, **how))
    SparseEase(neighbors=5).build(graph, None)
    assert set(sizes) == {(6, 6)}
