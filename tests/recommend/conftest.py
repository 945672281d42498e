"""A model over the planted world, built without training, tracking or a run store."""

import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.recommend import Model
from reccl.scorers import Scorer


def model_of(data: Dataset, seed: int = 0) -> Model:
    random = torch.Generator().manual_seed(seed)
    users, items = len(data.users), len(data.items)
    return Model.of(Scorer(torch.randn(users, 8, generator=random), torch.randn(items, 8, generator=random)), data)


@pytest.fixture(scope="session")
def model(planted_dataset: Dataset) -> Model:
    """User ids are text, item ids whole numbers."""
    return model_of(planted_dataset)


@pytest.fixture(scope="session")
def numbered(planted_dataset: Dataset) -> Model:
    """The same lists where the user ids are whole numbers, too."""
    from dataclasses import replace

    from reccl.data.ids import IdMap

    numbers = planted_dataset.users.ids.str.slice(1).cast(int) * 7
    return model_of(replace(planted_dataset, users=IdMap(numbers)))
