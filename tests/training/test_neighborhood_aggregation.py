"""Neighborhood aggregation is LightCCF's loss, in value and gradient, over the interactions of a batch."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.graph import Graph
from reccl.encoders import Encoder
from reccl.losses import neighborhood_aggregation
from reccl.training import Objective
from reccl.training.terms import NeighborhoodAggregation
from reccl.views import Plain

B, D, TEMPERATURE = 6, 4, 0.3


def drawn(seed: int) -> torch.Tensor:
    return torch.randn(B, D, generator=torch.Generator().manual_seed(seed), dtype=torch.double)


def slow(users: np.ndarray, items: np.ndarray, times: list[int] | None = None) -> float:
    """The authors' code, one interaction at a time, each as often as `times` says."""
    rows = np.repeat(np.arange(len(users)), times if times is not None else [1] * len(users))

    def cosine(a: np.ndarray, b: np.ndarray) -> float:
        return a @ b / np.linalg.norm(a) / np.linalg.norm(b)

    losses = []
    for u in rows:
        together = sum(np.exp((cosine(users[u], items[v]) + cosine(users[u], users[v])) / TEMPERATURE) for v in rows)
        losses.append(-np.log(np.exp(cosine(users[u], items[u]) / TEMPERATURE) / together))
    return float(np.mean(losses))


def test_is_zhangs_loss() -> None:
    users, items = drawn(1), drawn(2)
    found = neighborhood_aggregation(users, items, TEMPERATURE).item()
    assert found == pytest.approx(slow(users.numpy(), items.numpy()), rel=1e-6)


def test_its_gradient_is_the_slope_of_the_slow_loss() -> None:
    users, items = drawn(1).requires_grad_(), drawn(2).requires_grad_()
    neighborhood_aggregation(users, items, TEMPERATURE).backward()
    for leaf in (users, items):
        for row, column in [(0, 0), (3, 2), (5, 1)]:
            up, down = (
                [x.detach().numpy().copy() + step * (x is leaf) * one_hot(row, column) for x in (users, items)]
                for step in (1e-5, -1e-5)
            )
            assert leaf.grad[row, column].item() == pytest.approx((slow(*up) - slow(*down)) / 2e-5, rel=1e-4, abs=1e-7)


def one_hot(row: int, column: int) -> np.ndarray:
    made = np.zeros((B, D))
    made[row, column] = 1
    return made


def test_a_weight_is_so_many_interactions_in_the_mean_and_in_the_sum() -> None:
    users, items, times = drawn(1), drawn(2), [1, 3, 1, 2, 4, 1]
    found = neighborhood_aggregation(users, items, TEMPERATURE, torch.tensor(times, dtype=torch.double)).item()
    assert found == pytest.approx(slow(users.numpy(), items.numpy(), times), rel=1e-6)
    assert found != pytest.approx(slow(users.numpy(), items.numpy()), rel=1e-3)


def test_a_term_is_the_loss_of_the_batch_at_its_temperature(
    planted_graph: Graph, encoder: Encoder, batch: Batch
) -> None:
    batch = replace(batch, user=batch.user[:20], item=batch.item[:20])
    objective = Objective({"only": NeighborhoodAggregation(weight=2, temperature=TEMPERATURE)}, planted_graph, random())
    objective.sample_views()
    embeddings = encoder(Plain().sample(planted_graph, random()))
    tables = (side.detach().double().numpy() for side in (embeddings.users(batch.user), embeddings.items(batch.item)))
    assert objective(encoder, batch)["only"].item() == pytest.approx(2 * slow(*tables), rel=1e-4)


def random() -> torch.Generator:
    return torch.Generator().manual_seed(0)
