"""iALS: each sweep is the exact solution for users, then items; it is a model of vectors like any other."""

from itertools import pairwise

import numpy as np
import polars as pl
import pytest
import torch

from reccl.cold_start.fold_in import fold_in
from reccl.data.graph import Graph
from reccl.data.user_items import UserItemCSR
from reccl.errors import TrainingError
from reccl.scorers import Ials, Popularity, Scorer
from reccl.scorers.least_squares import solve_rows


@pytest.fixture(params=["ones", "weights"])
def dense(request: pytest.FixtureRequest) -> np.ndarray:
    """[U, I] confidences; the last user and the last item have none."""
    random = np.random.default_rng(0)
    matrix = (random.random((40, 25)) < 0.25).astype(float)
    matrix[-1], matrix[:, -1] = 0, 0
    return matrix * random.integers(1, 6, matrix.shape) if request.param == "weights" else matrix


def graph_of(dense: np.ndarray) -> Graph:
    user, item = np.nonzero(dense)
    return Graph.from_interactions(
        pl.DataFrame({"user": user, "item": item, "weight": dense[user, item]}), *dense.shape
    )


def solved(confidence: np.ndarray, vectors: np.ndarray, settings: Ials) -> np.ndarray:
    """Eq. 4 of the paper, row by row."""
    found = np.zeros((len(confidence), vectors.shape[1]))
    for row, own in enumerate(confidence):
        gram = sum(own[i] * np.outer(vectors[i], vectors[i]) for i in range(len(own)))
        l2 = settings.l2 * (own.sum() + settings.unobserved * len(own)) ** settings.exponent
        system = gram + settings.unobserved * vectors.T @ vectors + l2 * np.eye(vectors.shape[1])
        found[row] = np.linalg.solve(system, own @ vectors)
    return found


def vectors_of(scorer: Scorer) -> tuple[np.ndarray, np.ndarray]:
    return scorer.user_embeddings.double().numpy(), scorer.item_embeddings.double().numpy()


@pytest.mark.parametrize("exponent", [0, 0.5, 1])
@pytest.mark.parametrize("block", [60, 8_000_000])
def test_a_sweep_solves_for_all_users_then_for_all_items(
    dense: np.ndarray, exponent: float, block: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("reccl.scorers.least_squares.BLOCK", block)
    settings = Ials(dimension=5, l2=0.05, exponent=exponent, unobserved=0.2, sweeps=3, seed=4)
    before, _ = vectors_of(settings.model_copy(update={"sweeps": 2}).build(graph_of(dense), None))
    users, items = vectors_of(settings.build(graph_of(dense), None))
    np.testing.assert_allclose(items, solved(dense.T, before, settings), atol=2e-4)
    np.testing.assert_allclose(users, solved(dense, items, settings), atol=2e-4)
    assert not users[-1].any() and not items[-1].any()


def test_every_sweep_lowers_the_objective(dense: np.ndarray) -> None:
    def objective(sweeps: int) -> float:
        settings = Ials(dimension=4, l2=0.02, unobserved=0.1, sweeps=sweeps)
        users, items = vectors_of(settings.build(graph_of(dense), None))
        scores = users @ items.T
        fit = (dense * (1 - scores) ** 2).sum() + 0.1 * (scores**2).sum()
        of_users, of_items = dense.sum(1) + 0.1 * 25, dense.sum(0) + 0.1 * 40
        return float(fit + 0.02 * (of_users @ (users**2).sum(1) + of_items @ (items**2).sum(1)))

    values = [objective(sweeps) for sweeps in (1, 2, 4, 8)]
    assert all(after < before - 1e-4 for before, after in pairwise(values))


def test_the_first_vectors_come_from_the_seed_at_the_scale_that_is_asked_for(planted_graph: Graph) -> None:
    first, again, other = (Ials(dimension=6, sweeps=1, seed=seed).build(planted_graph, None) for seed in (1, 1, 2))
    assert torch.equal(first.item_embeddings, again.item_embeddings)
    assert not torch.allclose(first.item_embeddings, other.item_embeddings)
    random = torch.Generator().manual_seed(1)
    start = torch.randn(planted_graph.num_items, 6, generator=random).double().numpy() * 0.3 / 6**0.5
    settings = Ials(dimension=6, sweeps=1, seed=1, deviation=0.3)
    confidence = planted_graph.interactions.toarray()
    expected = solved(confidence.T, solved(confidence, start, settings), settings)
    np.testing.assert_allclose(settings.build(planted_graph, None).item_embeddings, expected, atol=1e-3)


def test_the_own_block_of_users_ranks_first(planted_graph: Graph) -> None:
    everybody, item = torch.arange(planted_graph.num_users), torch.arange(planted_graph.num_items)
    share = []
    for settings in (Ials(dimension=8, l2=0.05), Popularity()):
        scores = settings.build(planted_graph, None).scores(everybody)
        scores[planted_graph.user, planted_graph.item] = -torch.inf
        best = item[scores.topk(5).indices]  # [U, 5]
        share.append(float((best % 4 == everybody[:, None] % 4).double().mean()))
    assert share[0] > 0.9 > 0.4 > share[1]


def test_a_new_user_is_folded_in_near_where_least_squares_puts_them(planted_graph: Graph) -> None:
    settings = Ials(dimension=8, l2=0.05)
    scorer, trained = settings.build(planted_graph, None), planted_graph.user_items
    more = Scorer(torch.cat([scorer.user_embeddings, torch.zeros(20, 8)]), scorer.item_embeddings)
    own = trained.select_users(torch.arange(20))  # of whom the new users are copies
    start = torch.cat([torch.zeros(200, dtype=torch.long), own.start])
    history = UserItemCSR(start, own.item, trained.num_items)
    folded = fold_in(more, trained.resize(220, trained.num_items), history)
    exact = solve_rows(own, scorer.item_embeddings, settings.unobserved, 0.05 * (own.counts + 0.1 * 120.0))
    torch.testing.assert_close(exact, scorer.user_embeddings[:20], atol=1e-4, rtol=1e-3)
    likeness = torch.cosine_similarity(folded.scores(torch.arange(200, 220)), exact @ scorer.item_embeddings.T)
    assert likeness.min() > 0.9


def test_a_blend_leaves_it_out_of_catalogs_that_are_too_large_for_it(dense: np.ndarray) -> None:
    graph = graph_of(dense)  # 25 items
    assert Ials().fits(graph)
    assert Ials(max_items=25).fits(graph)
    small = Ials(max_items=24)
    assert not small.fits(graph)
    with pytest.raises(TrainingError, match=r"up to 24 items \(max_items\), and there are 25"):
        small.build(graph, None)
