"""What users have times a sparse matrix, sparse by sparse, gives the scores of the product with dense columns."""

from dataclasses import replace

import polars as pl
import pytest
import torch
from torch import Tensor

from reccl.data.graph import Graph
from reccl.scorers import Ease, GraphFilter, ItemKnn, Scorer, ScorerSettings, SparseEase
from reccl.scorers import history_products as room
from reccl.scorers.history_products import HistoryProduct
from reccl.scorers.weighted_sum import weighted_sum

SPARSE = {
    "sparse ease": SparseEase(neighbors=5),
    "graph filter": GraphFilter(rank=3, exponent=0.3),
    "item knn": ItemKnn(neighbors=6),
}


def scores(scorer: Scorer, users: Tensor, price: float, monkeypatch: pytest.MonkeyPatch) -> Tensor:
    """Scores, sparse by sparse at price 0, and by dense columns where it is high."""
    monkeypatch.setattr(room, "PRICE", price)
    fresh = replace(scorer)
    ways = [by_history is None for _, by_history in fresh.history_products]
    assert all(ways) if price else not any(ways)
    return fresh.scores(users)


@pytest.mark.parametrize("kind", SPARSE)
@pytest.mark.parametrize("weighted", [False, True], ids=["counted once", "weighted"])
def test_scores_are_those_of_dense_columns(
    kind: str, weighted: bool, planted_graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = planted_graph
    if weighted:
        weight = 1 + torch.rand(len(graph.user), generator=torch.Generator().manual_seed(0))
        graph = replace(graph, edge_weight=weight)
    scorer = SPARSE[kind].build(graph, None)
    users = torch.tensor([3, 199, 3, 0, *range(20, 180)])
    quick, slow = (scores(scorer, users, price, monkeypatch) for price in (0, 1e9))
    torch.testing.assert_close(quick, slow, rtol=1e-6, atol=1e-6)
    assert quick.std() > 0


def test_a_sum_of_sparse_and_dense_operators_takes_the_way_of_each(
    planted_graph: Graph, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(room, "PRICE", 0)
    parts = [kind.build(planted_graph, None) for kind in (Ease(), *SPARSE.values())]
    scorer, users = weighted_sum(parts, [1.0, 0.5, 0.25, 2.0]), torch.arange(50)
    assert [by_history is None for _, by_history in scorer.history_products].count(True) == 1
    expected = sum(w * part.scores(users) for w, part in zip([1.0, 0.5, 0.25, 2.0], parts, strict=True))
    torch.testing.assert_close(scorer.scores(users), expected, rtol=1e-5, atol=1e-5)


def test_a_user_without_items_scores_nothing(planted_graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "PRICE", 0)
    scorer = SparseEase(neighbors=5).build(planted_graph, None)
    assert scorer.history is not None
    none = replace(scorer, history=scorer.history.resize(201, planted_graph.num_items))
    more = replace(none, user_embeddings=torch.zeros(201, 0))
    assert not more.scores(torch.tensor([200])).any()
    assert more.scores(torch.tensor([200, 5]))[1].equal(scorer.scores(torch.tensor([5]))[0])


@pytest.mark.parametrize("kind", [Ease(), SparseEase(neighbors=119), SparseEase(neighbors=1)])
def test_it_is_taken_where_few_entries_are_added_up(kind: ScorerSettings, planted_graph: Graph) -> None:
    """A user has a tenth of the planted items, and one in 32 would be few."""
    scorer = kind.build(planted_graph, None)
    assert scorer.history is not None
    assert HistoryProduct.of(scorer.item_operators[0], scorer.history) is None


def test_it_is_taken_in_a_large_catalog() -> None:
    generator = torch.Generator().manual_seed(0)
    items = torch.stack([torch.randperm(2000, generator=generator)[:8].sort().values for _ in range(300)])  # [U, 8]
    users = torch.arange(300).repeat_interleave(8)
    rows = pl.DataFrame({"user": users.numpy(), "item": items.flatten().numpy()})
    scorer = SparseEase(neighbors=10).build(Graph.from_interactions(rows, 300, 2000), None)
    [(operator, by_history)] = scorer.history_products
    assert by_history is not None
    x = torch.zeros(2000, 300)
    x[items.flatten(), users] = 1
    torch.testing.assert_close(scorer.scores(torch.arange(300)), (operator @ x).T)
