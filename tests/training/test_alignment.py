"""Alignment contrasts what features say of a node with where the graph has it."""

from dataclasses import replace

import numpy as np
import pytest
import torch

from reccl.data.batches import Batch
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import ContentAligned, Encoder, LightGCN, MatrixFactorization
from reccl.errors import TrainingError
from reccl.losses import InfoNCE
from reccl.training import Objective
from reccl.training.terms import Alignment
from reccl.views import Plain

BATCH = Batch(torch.tensor([3, 3, 8, 9]), torch.tensor([5, 7, 5, 11]))


@pytest.fixture
def encoder(planted_graph: Graph, planted_dataset: Dataset) -> Encoder:
    settings = ContentAligned(base=LightGCN(layers=1), dimension=6, hidden=(9,), dropout=0)
    return settings.build(planted_graph, planted_dataset.build_feature_tables(), torch.Generator().manual_seed(0))


def value(graph: Graph, encoder: Encoder, term: Alignment) -> torch.Tensor:
    objective = Objective({"only": term}, graph, torch.Generator().manual_seed(0))
    objective.sample_views()
    return objective(encoder, BATCH)["only"]


def test_is_the_papers_equation_over_the_batchs_distinct_nodes(planted_graph: Graph, encoder: Encoder) -> None:
    embeddings = encoder(Plain().sample(planted_graph, torch.Generator()))
    graph, content = embeddings.graph_only, embeddings.content_only
    expected = 0.0
    for rows, side in (([3, 8, 9], "users"), ([5, 7, 11], "items")):
        t, g = (getattr(each, side)(torch.tensor(rows)).detach().double().numpy() for each in (content, graph))
        cosine = t @ g.T / np.linalg.norm(t, axis=1)[:, None] / np.linalg.norm(g, axis=1)[None]
        odds = np.exp(cosine / 0.3)
        expected -= np.log(np.diag(odds) / odds.sum(1)).mean()
    found = value(planted_graph, encoder, Alignment(loss=InfoNCE(temperature=0.3)))
    assert found.item() == pytest.approx(expected, rel=1e-4)


def test_distilled_it_moves_the_towers_and_leaves_the_graph_alone(planted_graph: Graph, encoder: Encoder) -> None:
    value(planted_graph, encoder, Alignment()).backward()
    assert encoder.items.network[0].weight.grad.abs().sum() > 0
    assert encoder.base.nodes.grad is None
    value(planted_graph, encoder, Alignment(distill=False)).backward()
    assert encoder.base.nodes.grad.abs().sum() > 0


def test_without_towers_it_says_which_encoder_has_them(planted_graph: Graph, planted_dataset: Dataset) -> None:
    features = replace(planted_dataset, user_table=None, item_table=None).build_feature_tables()
    for settings in (LightGCN(), ContentAligned()):
        bare = settings.build(planted_graph, features, torch.Generator())
        with pytest.raises(TrainingError, match=r"use encoder\.kind=content_aligned"):
            value(planted_graph, bare, Alignment())


def test_a_side_without_features_does_not_count(planted_graph: Graph, planted_dataset: Dataset) -> None:
    features = replace(planted_dataset, user_table=None).build_feature_tables()
    settings = ContentAligned(base=MatrixFactorization(), dimension=8)
    encoder = settings.build(planted_graph, features, torch.Generator().manual_seed(0))
    value(planted_graph, encoder, Alignment(distill=False)).backward()
    assert encoder.base.users.grad is None
    assert encoder.base.items.grad.any()
