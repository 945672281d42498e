"""Closed forms equal their papers' equations in dense NumPy, survive the disk, and are served as they score."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.data.svd import truncated_svd
from reccl.errors import TrainingError
from reccl.recommend import Model
from reccl.scorers import (
    ChebyshevFilter,
    Ease,
    Elsa,
    GraphFilter,
    Ials,
    ItemKnn,
    Popularity,
    Random,
    Rp3Beta,
    ScorerSettings,
    Slim,
    SparseEase,
    Svd,
)
from reccl.scorers.chebyshev_filter import plateau_coefficients
from reccl.scorers.svd import chance_singular_value
from tests.scorers.as_served import require_same_lists

CLOSED = [
    Ease(l2=5),
    ItemKnn(neighbors=7, shrink=2),
    GraphFilter(rank=6),
    ChebyshevFilter(rank=6, order=3),
    Svd(dimension=5),
    Svd(normalize=False),
    Svd(cutoff=0.9),
    SparseEase(neighbors=7, l2=5),
    Slim(neighbors=7),
    Rp3Beta(neighbors=7),
    Ials(dimension=5),
    Elsa(dimension=5),
]


@pytest.fixture
def dense(planted_graph: Graph) -> np.ndarray:
    matrix = np.zeros((planted_graph.num_users, planted_graph.num_items))
    matrix[planted_graph.user, planted_graph.item] = 1
    return matrix


def scored(settings: ScorerSettings, graph: Graph) -> np.ndarray:
    return settings.build(graph, None).scores(torch.arange(graph.num_users)).double().numpy()


@pytest.mark.parametrize("exponent", [0, 0.5])
def test_ease_is_the_inverse_gram_matrix_over_its_diagonal(
    planted_graph: Graph, dense: np.ndarray, exponent: float
) -> None:
    few = dense.copy()
    few[::2, ::3] = 0  # users of different degrees
    places = np.nonzero(few)
    graph = Graph.from_interactions(pl.DataFrame({"user": places[0], "item": places[1]}), *few.shape)
    rows = few.sum(1, keepdims=True) ** -exponent * few
    inverse = np.linalg.inv(rows.T @ rows + 5 * np.eye(few.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    np.testing.assert_allclose(scored(Ease(l2=5, user_exponent=exponent), graph), few @ weights, atol=1e-4)


def test_ease_with_dropout_is_the_regression_on_rows_of_which_items_are_dropped(
    planted_graph: Graph, dense: np.ndarray
) -> None:
    """EDLAE's least squares: every item from the others of noisy rows, each kept with chance 1 - p, in expectation."""
    keep, l2 = 0.6, 5.0
    gram = dense.T @ dense
    noisy = keep**2 * gram  # E[Z'Z] of the noisy rows Z: two items are both kept
    np.fill_diagonal(noisy, keep * dense.sum(0))
    expected = np.zeros_like(noisy)
    for item in range(len(noisy)):
        others = np.arange(len(noisy)) != item
        left = noisy[np.ix_(others, others)] + keep**2 * l2 * np.eye(len(noisy) - 1)
        expected[others, item] = keep * np.linalg.solve(left, keep * gram[others, item])  # applied to whole rows
    np.testing.assert_allclose(scored(Ease(l2=l2, dropout=1 - keep), planted_graph), dense @ expected, atol=1e-4)
    assert np.abs(scored(Ease(l2=l2), planted_graph) - dense @ expected).max() > 0.01


def test_ease_says_what_else_to_use_where_the_catalog_is_too_large(
    planted_graph: Graph,
) -> None:
    with pytest.raises(TrainingError, match=r"up to 100 items \(max_items\), and there are 120; use sparse_ease"):
        Ease(max_items=100).build(planted_graph, None)


def test_item_knn_sums_shrunk_cosines_of_the_nearest(planted_graph: Graph, dense: np.ndarray) -> None:
    together, degree = dense.T @ dense, dense.sum(0)
    similar = together / np.maximum(np.sqrt(np.outer(degree, degree)) + 2, 1e-9)
    np.fill_diagonal(similar, 0)
    expected = np.zeros_like(dense)
    for item, row in enumerate(similar):  # every item votes for its own neighbors
        nearest = np.argsort(-row, kind="stable")[:200]
        expected[:, nearest] += np.outer(dense[:, item], row[nearest])
    everybody = ItemKnn(neighbors=200, shrink=2)
    np.testing.assert_allclose(scored(everybody, planted_graph), expected, atol=1e-4)
    few = everybody.model_copy(update={"neighbors": 3}).build(planted_graph, None).item_operators[0].matrices[0]
    assert (few.to_dense() > 0).sum(0).max() == 3
    third = np.sort(similar, 1)[:, -3:-2]  # [I, 1] of every candidate, which keeps its three nearest
    kept = np.where(similar >= third, similar, 0)
    few = everybody.model_copy(update={"neighbors": 3, "kept_by": "candidate"})
    matrix = few.build(planted_graph, None).item_operators[0].matrices[0].to_dense().numpy()
    assert (matrix > 0).sum(1).max() == 3
    np.testing.assert_allclose(np.where(kept > third, matrix, 0), np.where(kept > third, kept, 0), atol=1e-6)
    np.testing.assert_allclose(matrix.sum(1), np.sort(similar, 1)[:, -3:].sum(1), atol=1e-5)  # equal ones are cut


@pytest.mark.parametrize(("exponent", "popularity"), [(1.0, 0.0), (0.7, 0.4)])
def test_rp3beta_walks_three_steps_and_divides_by_popularity(
    planted_graph: Graph, dense: np.ndarray, exponent: float, popularity: float
) -> None:
    users, degree = dense.sum(1), dense.sum(0)
    to_user, to_item = (dense.T / degree[:, None].clip(1)) ** exponent, (dense / users[:, None]) ** exponent
    walks = to_user @ to_item * degree.clip(1) ** -popularity
    np.fill_diagonal(walks, 0)
    everybody = Rp3Beta(neighbors=120, exponent=exponent, popularity=popularity)
    np.testing.assert_allclose(scored(everybody, planted_graph), dense @ walks, atol=1e-5)
    found = everybody.model_copy(update={"neighbors": 9}).build(planted_graph, None).item_operators[0].matrices[0]
    assert (found.to_dense() > 0).sum(0).max() == 9
    np.testing.assert_allclose(found.to_dense().sum(0), np.sort(walks, 1)[:, -9:].sum(1), rtol=1e-5)
    if exponent == 1 and popularity == 0:  # the chance of every item after three steps from a user
        chances = np.diag(1 / users) @ dense @ (to_user @ to_item)
        np.testing.assert_allclose(chances.sum(1), 1)
        new = dense == 0
        np.testing.assert_allclose(scored(everybody, planted_graph)[new], (chances * users[:, None])[new], atol=1e-5)


def test_graph_filter_is_two_hops_and_an_ideal_low_pass(planted_graph: Graph, dense: np.ndarray) -> None:
    users, items = dense.sum(1).clip(1) ** -0.5, dense.sum(0).clip(1) ** -0.5
    normal = users[:, None] * dense * items
    vectors = np.linalg.svd(normal)[2][:6]
    low_pass = np.diag(items) @ vectors.T @ vectors @ np.diag(1 / items)
    expected = dense @ (normal.T @ normal + 0.3 * low_pass)
    np.testing.assert_allclose(scored(GraphFilter(rank=6), planted_graph), expected, atol=1e-4)
    near = scored(GraphFilter(rank=6, exact=False), planted_graph)
    assert 0 < np.abs(near - expected).max() < 0.02 * np.abs(expected).max()
    np.testing.assert_allclose(scored(GraphFilter(rank=0), planted_graph), dense @ normal.T @ normal, atol=1e-5)


def test_exponents_of_a_graph_filter_stand_around_each_of_its_two_filters(
    planted_graph: Graph, dense: np.ndarray
) -> None:
    users, degree = dense.sum(1).clip(1) ** -0.5, dense.sum(0).clip(1)
    normal = users[:, None] * dense * degree**-0.5
    vectors = np.linalg.svd(normal)[2][:6]
    linear, ideal = (
        np.diag(degree**-exponent) @ middle @ np.diag(degree**exponent)
        for exponent, middle in ((0.4, normal.T @ normal), (0.2, vectors.T @ vectors))
    )
    settings = GraphFilter(rank=6, weight=0.7, exponent=0.4, ideal_exponent=0.2)
    np.testing.assert_allclose(scored(settings, planted_graph), dense @ (linear + 0.7 * ideal), atol=1e-4)


@pytest.mark.parametrize(("order", "flatness"), [(1, 1.0), (4, 2.0), (8, 1.5)])
def test_chebyshev_filter_applies_its_polynomial_to_every_eigenvalue(
    planted_graph: Graph, dense: np.ndarray, order: int, flatness: float
) -> None:
    users, degree = dense.sum(1).clip(1) ** -0.5, dense.sum(0).clip(1)
    values, vectors = np.linalg.eigh((normal := users[:, None] * dense * degree**-0.5).T @ normal)
    places, nodes = np.arange(order + 1), np.cos(np.pi * (np.arange(order + 1) + 0.5) / (order + 1))
    x = np.cos(np.pi * places / order)
    wanted = np.where(x < 0, 0.5 + 0.5 * np.abs(x) ** flatness, 0.5 - 0.5 * np.abs(x) ** flatness)
    kept = np.zeros_like(values)
    for degree_ in places:  # discrete cosine transform at the nodes
        weight = (2 if degree_ else 1) / (order + 1) * (wanted * np.cos(degree_ * np.arccos(nodes))).sum()
        kept += weight * np.cos(degree_ * np.arccos((1 - 2 * values).clip(-1, 1)))
    middle = vectors @ np.diag(kept) @ vectors.T + 0.2 * vectors[:, -6:] @ vectors[:, -6:].T
    expected = dense @ np.diag(degree**-0.4) @ middle @ np.diag(degree**0.4)
    found = scored(ChebyshevFilter(order=order, flatness=flatness, rank=6), planted_graph)
    new = dense == 0  # a user's own items differ by the constant
    np.testing.assert_allclose(found[new], expected[new], atol=1e-4)


def test_a_plateau_of_order_eight_is_one_half_in_the_middle_and_falls_on_both_sides() -> None:
    coefficients = plateau_coefficients(8, 1.5)
    at = np.polynomial.polynomial.polyval(np.array([0, 0.25, 0.5, 0.75, 1]), coefficients)
    np.testing.assert_allclose(at, [0, 0.3, 0.5, 0.7, 1], atol=0.02)


def test_svd_projects_on_the_first_right_singular_vectors(planted_graph: Graph, dense: np.ndarray) -> None:
    vectors = np.linalg.svd(dense)[2][:4]
    got = scored(Svd(dimension=4, normalize=False), planted_graph)
    np.testing.assert_allclose(got, dense @ vectors.T @ vectors, atol=1e-4)


@pytest.mark.parametrize(("cutoff", "order"), [(0.9, 1.0), (0.7, 2.0), (1.2, 3.0)])
def test_svd_with_a_cutoff_weighs_directions_by_their_singular_values(
    planted_graph: Graph, dense: np.ndarray, cutoff: float, order: float
) -> None:
    users, degree = dense.sum(1).clip(1) ** -0.5, dense.sum(0).clip(1)
    _, values, vectors = np.linalg.svd(users[:, None] * dense * degree**-0.5)
    values, vectors = values[:6], vectors[:6]
    chance = dense.sum(1).mean() ** -0.5 + dense.sum(0).mean() ** -0.5
    kept = 1 / (1 + (cutoff * chance / values) ** (2 * order))
    expected = dense @ np.diag(degree**-0.3) @ vectors.T @ np.diag(kept) @ vectors @ np.diag(degree**0.3)
    settings = Svd(dimension=6, exponent=0.3, cutoff=cutoff, order=order)
    np.testing.assert_allclose(scored(settings, planted_graph), expected, atol=1e-4)
    with pytest.raises(ValueError, match="cutoff is for normalize=true"):
        Svd(cutoff=cutoff, normalize=False)


def test_a_cutoff_of_one_is_where_the_singular_values_of_random_interactions_end(planted_graph: Graph) -> None:
    random = np.random.default_rng(0)
    dense = random.random((300, 200)) < 0.2
    places = np.nonzero(dense)
    graph = Graph.from_interactions(pl.DataFrame({"user": places[0], "item": places[1]}), 300, 200)
    values = np.linalg.svd(dense / np.sqrt(np.outer(dense.sum(1), dense.sum(0))), compute_uv=False)
    assert chance_singular_value(graph) == pytest.approx(values[1], rel=0.15)
    planted = np.zeros((200, 120))
    planted[planted_graph.user, planted_graph.item] = 1
    values = np.linalg.svd(planted / np.sqrt(np.outer(planted.sum(1), planted.sum(0).clip(1))), compute_uv=False)
    assert (values > chance_singular_value(planted_graph)).sum() == 4  # the planted blocks, and nothing else


def test_scorers_of_one_graph_share_a_decomposition(planted_dataset: Dataset, monkeypatch: pytest.MonkeyPatch) -> None:
    ranks, compute = [], truncated_svd
    monkeypatch.setattr(
        "reccl.data.svd.truncated_svd", lambda matrix, rank, **how: ranks.append(rank) or compute(matrix, rank, **how)
    )
    graph = Graph.from_interactions(planted_dataset.train, 200, 120)
    for scorer in (Svd(dimension=6), GraphFilter(rank=6), Svd(dimension=6, cutoff=0.9)):
        scorer.build(graph, None)
    assert ranks == [6]


def test_random_is_another_list_for_everybody_and_the_same_again(planted_graph: Graph) -> None:
    first, again = (scored(Random(), planted_graph) for _ in range(2))
    assert np.array_equal(first, again)
    assert len({tuple(row) for row in np.argsort(first, 1)[:, :5]}) > 150


@pytest.mark.parametrize("settings", [*CLOSED, Popularity(), Random()], ids=lambda settings: settings.kind)
def test_a_model_scores_the_same_from_disk_and_as_served(
    settings: ScorerSettings, planted_dataset: Dataset, planted_graph: Graph, tmp_path: Path
) -> None:
    model = Model.of(settings.build(planted_graph, None), planted_dataset)
    require_same_lists(model, tmp_path)
