"""What most tests of training start from."""

import pytest
import torch

from reccl.data.batches import Batch, iterate_batches
from reccl.data.dataset import Dataset
from reccl.data.graph import Graph
from reccl.encoders import Encoder, LightGCN


@pytest.fixture
def encoder(planted_graph: Graph, planted_dataset: Dataset) -> Encoder:
    """A small LightGCN with fresh parameters."""
    generator = torch.Generator().manual_seed(0)
    return LightGCN(dimension=8).build(planted_graph, planted_dataset.build_feature_tables(), generator)


@pytest.fixture
def batch(planted_graph: Graph) -> Batch:
    """64 training interactions."""
    return next(iterate_batches(planted_graph, 64, torch.Generator().manual_seed(3)))
