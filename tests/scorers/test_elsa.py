"""ELSA: the loss is that of the dense autoencoder, and training finds what users have in common."""

import numpy as np
import polars as pl
import pytest
import torch
from torch.nn.functional import normalize

from reccl.data.graph import Graph
from reccl.scorers import Elsa, Popularity
from reccl.scorers.elsa import reconstruction_loss


def dense_loss(rows: torch.Tensor, vectors: torch.Tensor) -> torch.Tensor:
    """Eq. 3 and 5 of the paper with B = A A' - 1 written out."""
    weights = vectors @ vectors.T - torch.eye(len(vectors), dtype=vectors.dtype)
    return (normalize(rows, dim=1) - normalize(rows @ weights, dim=1)).square().sum(1).mean()


@pytest.mark.parametrize("weighted", [False, True])
def test_the_loss_and_its_gradient_are_those_of_the_dense_autoencoder(weighted: bool) -> None:
    random = np.random.default_rng(0)
    dense = (random.random((30, 20)) < 0.4) * (random.uniform(0.5, 3, (30, 20)) if weighted else 1)
    user, item = np.nonzero(dense)
    table = pl.DataFrame({"user": user, "item": item, "weight": dense[user, item]})
    graph = Graph.from_interactions(table, 30, 20)
    gradients = []
    for loss, rows in ((reconstruction_loss, graph.user_items), (dense_loss, torch.from_numpy(dense).float())):
        free = torch.randn(20, 6, generator=torch.Generator().manual_seed(1)).requires_grad_()
        value = loss(rows, normalize(free, dim=1))
        value.backward()
        gradients.append((value.detach(), free.grad))
    torch.testing.assert_close(*(value for value, _ in gradients))
    torch.testing.assert_close(*(gradient for _, gradient in gradients), atol=1e-5, rtol=1e-3)


def test_scores_are_those_of_the_autoencoder_for_what_a_user_does_not_have(planted_graph: Graph) -> None:
    scorer = Elsa(dimension=8, epochs=2).build(planted_graph, None)
    vectors, rows = scorer.item_embeddings, torch.from_numpy(planted_graph.interactions.toarray())
    torch.testing.assert_close(vectors.norm(dim=1), torch.ones(planted_graph.num_items))
    expected = rows @ vectors @ vectors.T - rows
    torch.testing.assert_close((scorer.scores(torch.arange(200)))[rows == 0], expected[rows == 0], atol=1e-4, rtol=1e-4)


def test_training_lowers_the_loss_and_finds_the_blocks(planted_graph: Graph) -> None:
    first, last = (Elsa(dimension=8, epochs=epochs, batch_size=64).build(planted_graph, None) for epochs in (1, 20))
    before, after = (
        float(reconstruction_loss(planted_graph.user_items, each.item_embeddings)) for each in (first, last)
    )
    assert after < before - 0.05
    everybody, share = torch.arange(200), []
    for scorer in (last, Popularity().build(planted_graph, None)):
        scores = scorer.scores(everybody)
        scores[planted_graph.user, planted_graph.item] = -torch.inf
        share.append(float((scores.topk(5).indices % 4 == everybody[:, None] % 4).double().mean()))
    assert share[0] > 0.9 > 0.4 > share[1]


def test_equal_seeds_give_equal_vectors_and_leave_torchs_own_generator_alone(planted_graph: Graph) -> None:
    state = torch.get_rng_state()
    first, again, other = (Elsa(dimension=4, epochs=1, seed=seed).build(planted_graph, None) for seed in (1, 1, 2))
    assert torch.equal(first.item_embeddings, again.item_embeddings)
    assert not torch.allclose(first.item_embeddings, other.item_embeddings)
    assert torch.equal(torch.get_rng_state(), state)
