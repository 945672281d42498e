"""Embeddings are carried over the graph as LightGODE's code does in one step, and as its equation says in many."""

from math import factorial

import numpy as np
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Embeddings, MatrixFactorization
from reccl.encoders.encoder import lookup_in
from reccl.evaluation import Evaluation, evaluate
from reccl.losses import AlignmentUniformity
from reccl.negatives import InBatch
from reccl.scorers import EmbeddingScorer, GraphODE
from reccl.training import Objective, Ranking, Training, fit
from reccl.views import Plain

TIME = 1.8


@pytest.fixture
def nodes(planted_graph: Graph) -> torch.Tensor:
    return torch.randn(planted_graph.num_nodes, 5, generator=torch.Generator().manual_seed(0))


def adjacency(graph: Graph) -> np.ndarray:
    """D^-1/2 R D^-1/2 of the rows, one at a time: [N, N]."""
    made = np.zeros((graph.num_nodes, graph.num_nodes))
    for user, item in zip(graph.user.tolist(), graph.item.tolist(), strict=True):
        made[user, graph.num_users + item] = made[graph.num_users + item, user] = 1
    degree = np.maximum(made.sum(1), 1)
    return made / np.sqrt(degree[:, None] * degree[None, :])


def moved(graph: Graph, nodes: torch.Tensor, **settings: object) -> np.ndarray:
    users, items = (lookup_in(side) for side in nodes.split([graph.num_users, graph.num_items]))
    scorer = GraphODE(**settings).build(graph, Embeddings(users, items, users, items))
    return torch.cat([scorer.user_embeddings, scorer.item_embeddings]).double().numpy()


def in_closed_form(graph: Graph, nodes: torch.Tensor, time: float) -> np.ndarray:
    a, power, total = adjacency(graph), nodes.double().numpy(), 0
    for k in range(40):
        total = total + (time**k / factorial(k) + time ** (k + 1) / factorial(k + 1)) * power
        power = a @ power
    return total


def test_one_euler_step_is_zhangs_code(planted_graph: Graph, nodes: torch.Tensor) -> None:
    start = nodes.double().numpy()
    expected = start + TIME * (adjacency(planted_graph) @ start + start)
    np.testing.assert_allclose(moved(planted_graph, nodes), expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize(("solver", "steps", "error"), [("rk4", 20, 1e-4), ("rk4", 4, 1e-2), ("euler", 400, 1e-2)])
def test_small_steps_end_where_the_equation_does(
    planted_graph: Graph, nodes: torch.Tensor, solver: str, steps: int, error: float
) -> None:
    expected = in_closed_form(planted_graph, nodes, TIME)
    apart = np.linalg.norm(moved(planted_graph, nodes, solver=solver, steps=steps) - expected)
    assert apart < error * np.linalg.norm(expected)
    assert np.linalg.norm(moved(planted_graph, nodes) - expected) > 0.05 * np.linalg.norm(expected)


def test_rk4_is_of_fourth_order(planted_graph: Graph, nodes: torch.Tensor) -> None:
    expected = in_closed_form(planted_graph, nodes, 4.0)
    coarse, fine = (
        np.linalg.norm(moved(planted_graph, nodes, time=4.0, solver="rk4", steps=steps) - expected) for steps in (4, 8)
    )
    assert 8 < coarse / fine < 32


def test_no_time_leaves_embeddings_as_they_are(planted_graph: Graph, nodes: torch.Tensor) -> None:
    np.testing.assert_allclose(moved(planted_graph, nodes, time=0), nodes.double().numpy(), rtol=1e-6)
    lengths = np.linalg.norm(moved(planted_graph, nodes, similarity="cosine"), axis=1)
    np.testing.assert_allclose(lengths, 1, rtol=1e-5)


def test_it_ranks_better_than_the_embeddings_that_were_trained(planted_dataset: Dataset, planted_graph: Graph) -> None:
    random = torch.Generator().manual_seed(0)
    encoder = MatrixFactorization(dimension=16).build(planted_graph, planted_dataset.build_feature_tables(), random)
    ranking = Ranking(loss=AlignmentUniformity(uniformity_weight=0.5), negatives=InBatch())
    objective = Objective({"ranking": ranking}, planted_graph, random)
    fit(encoder, objective, planted_graph, Training(epochs=5, batch_size=512, learning_rate=0.01), seed=0)
    trained = encoder(Plain().sample(planted_graph, random))
    known = planted_dataset.known_before("test")
    before, after = (
        evaluate(made.build(planted_graph, trained), planted_dataset.test, known, Evaluation()).means()["ndcg_at_10"]
        for made in (EmbeddingScorer(), GraphODE())
    )
    assert after > 1.02 * before
