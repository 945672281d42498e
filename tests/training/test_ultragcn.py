"""UltraGCN's terms equal the paper's sums, written out."""

import numpy as np
import polars as pl
import pytest
import torch

from reccl.data.batches import Batch, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, Encoder, MatrixFactorization
from reccl.negatives import InBatch
from reccl.training import Objective, TermSettings
from reccl.training.terms import ItemItem, UserItem, item_item
from reccl.training.terms.item_item import find_co_occurrences
from reccl.views import Plain


@pytest.fixture
def encoder(planted_dataset: Dataset, planted_graph: Graph) -> Encoder:
    return MatrixFactorization(dimension=8).build(
        planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0)
    )


@pytest.fixture
def batch(planted_graph: Graph) -> Batch:
    return next(iterate_batches(planted_graph, 32, torch.Generator().manual_seed(3)))


def value(graph: Graph, encoder: Encoder, batch: Batch, term: TermSettings) -> float:
    objective = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    return objective(encoder, batch)["only"].item()


def tables(graph: Graph, encoder: Encoder) -> tuple[np.ndarray, np.ndarray]:
    whole: Embeddings = encoder(Plain().sample(graph, torch.Generator()))
    return tuple(side(None).detach().double().numpy() for side in (whole.users, whole.items))


def weights(graph: Graph) -> np.ndarray:
    """w_ij [I, I] by the paper's equation, one entry at a time."""
    rated = np.zeros((graph.num_users, graph.num_items))
    rated[graph.user, graph.item] = 1
    counts = rated.T @ rated
    sums = counts.sum(1)
    w = np.zeros_like(counts)
    for i in range(graph.num_items):
        for j in range(graph.num_items):
            if i != j and counts[i, j]:
                w[i, j] = counts[i, j] / (sums[i] - counts[i, i]) * np.sqrt(sums[i] / sums[j])
    return w


def minus_log_sigmoid(x: float) -> float:
    return np.log1p(np.exp(-x))


class TestItemItem:
    def test_is_the_papers_sum_over_the_items_that_go_together(
        self, planted_graph: Graph, encoder: Encoder, batch: Batch
    ) -> None:
        users, items = tables(planted_graph, encoder)
        w, losses = weights(planted_graph), []
        for user, item in zip(batch.user.tolist(), batch.item.tolist(), strict=True):
            near = find_co_occurrences(planted_graph, 10).items[item].tolist()
            losses.append(sum(w[item, j] * minus_log_sigmoid(users[user] @ items[j]) for j in near))
        assert value(planted_graph, encoder, batch, ItemItem()) == pytest.approx(np.mean(losses), rel=1e-5)

    def test_keeps_the_largest_weights_and_never_the_item_itself(self, planted_graph: Graph) -> None:
        w = weights(planted_graph)
        together = find_co_occurrences(planted_graph, 5)
        np.testing.assert_allclose(together.weight.numpy(), -np.sort(-w, 1)[:, :5], rtol=1e-5)
        assert (together.items != torch.arange(planted_graph.num_items)[:, None]).all()

    def test_chunks_do_not_change_it(self, planted_graph: Graph, monkeypatch: pytest.MonkeyPatch) -> None:
        whole = find_co_occurrences(planted_graph, 5)
        monkeypatch.setattr(item_item, "COUNTS", 7 * planted_graph.num_items)
        parts = find_co_occurrences.__wrapped__(planted_graph, 5)
        assert torch.equal(parts.weight, whole.weight)
        assert torch.equal(parts.items, whole.items)

    def test_items_that_stand_alone_have_no_weight(self) -> None:
        graph = Graph.from_interactions(pl.DataFrame({"user": [0, 1, 1], "item": [0, 1, 2]}), users=2, items=4)
        weight = find_co_occurrences(graph, 10).weight  # [4, 4]
        assert weight.isfinite().all()
        assert weight.sum(1).tolist() == pytest.approx([0, 1, 1, 0])


def test_user_item_weighs_every_pair_by_its_degrees(planted_graph: Graph, encoder: Encoder, batch: Batch) -> None:
    users, items = tables(planted_graph, encoder)
    of_user, of_item = planted_graph.user_degree.tolist(), planted_graph.item_degree.tolist()

    def b(user: int, item: int) -> float:
        return float(np.sqrt((of_user[user] + 1) / (of_item[item] + 1)) / of_user[user])

    losses = []
    for user, item in zip(batch.user.tolist(), batch.item.tolist(), strict=True):
        others = [j for j in batch.item.tolist() if j != item]
        away = np.mean([b(user, j) * minus_log_sigmoid(-users[user] @ items[j]) for j in others])
        losses.append(b(user, item) * minus_log_sigmoid(users[user] @ items[item]) + 3 * away)
    found = value(planted_graph, encoder, batch, UserItem(negatives=InBatch(), negative_weight=3.0))
    assert found == pytest.approx(np.mean(losses), rel=1e-5)
