"""A residual softmax learns what its prior does not know, and nothing where the prior knows all."""

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import MatrixFactorization
from reccl.scorers import Ease, ItemKnn
from reccl.training import FullSoftmax, Objective
from reccl.training.terms import ResidualSoftmax
from reccl.views import Plain


@pytest.fixture
def batch(planted_graph: Graph) -> Batch:
    rows = torch.arange(0, len(planted_graph.user), 7)
    return Batch(planted_graph.user[rows], planted_graph.item[rows])


def loss(term, graph: Graph, data: Dataset, batch: Batch):
    encoder = MatrixFactorization(dimension=6).build(
        graph, data.build_feature_tables(), torch.Generator().manual_seed(0)
    )
    objective = Objective({"one": term}, graph, torch.Generator().manual_seed(0))
    objective.build(encoder)
    objective.sample_views()
    return encoder, objective(encoder, batch)["one"]


@pytest.mark.parametrize("similarity", ["cosine", "dot"])
@pytest.mark.parametrize("prior", [Ease(l2=9), ItemKnn(neighbors=8)], ids=lambda prior: prior.kind)
def test_equals_the_softmax_over_similarity_and_prior(
    planted_graph: Graph, planted_dataset: Dataset, batch: Batch, prior: Ease | ItemKnn, similarity: str
) -> None:
    term = ResidualSoftmax(prior=prior, strength=0.7, temperature=0.3, similarity=similarity)
    encoder, found = loss(term, planted_graph, planted_dataset, batch)
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    users, items = (side(None).detach().double().numpy() for side in (embeddings.users, embeddings.items))
    if similarity == "cosine":
        users, items = (side / np.linalg.norm(side, axis=1, keepdims=True) for side in (users, items))
    given = prior.build(planted_graph, None).scores(torch.arange(200)).double().numpy()
    logits = users @ items.T / 0.3 + 0.7 * given / given.std(1).mean()
    losses = [
        np.log(np.exp(logits[user]).sum()) - logits[user, item]
        for user, item in zip(batch.user.tolist(), batch.item.tolist(), strict=True)
    ]
    assert found.item() == pytest.approx(np.mean(losses), rel=1e-4)


def test_without_strength_it_is_the_full_softmax(planted_graph: Graph, planted_dataset: Dataset, batch: Batch) -> None:
    found, plain = (
        loss(term, planted_graph, planted_dataset, batch)[1] for term in (ResidualSoftmax(strength=0), FullSoftmax())
    )
    assert torch.allclose(found, plain)


def test_a_prior_that_tells_the_items_leaves_less_to_learn(
    planted_graph: Graph, planted_dataset: Dataset, batch: Batch
) -> None:
    left = [
        loss(ResidualSoftmax(prior=Ease(l2=9), strength=strength), planted_graph, planted_dataset, batch)[1].item()
        for strength in (0, 1)
    ]
    assert left[1] < left[0] - 0.1


def test_a_table_too_large_to_keep_is_computed_step_by_step(
    planted_graph: Graph, planted_dataset: Dataset, batch: Batch, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = loss(ResidualSoftmax(), planted_graph, planted_dataset, batch)[1]
    monkeypatch.setattr("reccl.training.prior.KEPT", 100)
    assert torch.allclose(kept, loss(ResidualSoftmax(), planted_graph, planted_dataset, batch)[1])
