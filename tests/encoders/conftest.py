"""What the encoders' tests share: features of the planted world and its whole graph."""

import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.features import FeatureTables
from reccl.data.graph import Graph
from reccl.views import Plain, View


@pytest.fixture(scope="session")
def features(planted_dataset: Dataset) -> FeatureTables:
    return planted_dataset.build_feature_tables()


@pytest.fixture
def view(planted_graph: Graph) -> View:
    return Plain().sample(planted_graph, torch.Generator())


@pytest.fixture
def both():
    """Users' and items' embeddings below one another, [N, D], as NumPy."""
    return lambda found: torch.cat([found.users(None), found.items(None)]).detach().numpy()
