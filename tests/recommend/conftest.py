"""A model over the planted world, built without training, tracking or a run store."""

import polars as pl
import pytest
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.data.features import FittedFeatures
from reccl.encoders.tower import Tower, Towers
from reccl.recommend import Model
from reccl.scorers import Scorer, Svd


def model_of(data: Dataset, seed: int = 0) -> Model:
    random = torch.Generator().manual_seed(seed)
    users, items = len(data.user_ids), len(data.item_ids)
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

    numbers = planted_dataset.user_ids.ids.str.slice(1).cast(int) * 7
    return model_of(replace(planted_dataset, user_ids=IdMap(numbers)))


@pytest.fixture(scope="session")
def towered(planted_dataset: Dataset) -> Model:
    """A closed form of the planted world, with towers that are least squares of its embeddings on the features."""
    data = planted_dataset
    graph = data.build_graph()
    scorer = Svd(dimension=8).build(graph, None)
    users = least_squares(data.user_table, data.train[USER], scorer.user_embeddings)
    items = least_squares(data.item_table, data.train[ITEM], scorer.item_embeddings)
    return Model.of(scorer, data, Towers(users, items))


def least_squares(table: pl.DataFrame | None, trained: pl.Series, vectors: Tensor) -> Tower:
    assert table is not None
    seen = pl.int_range(table.height, eager=True).is_in(trained.cast(pl.Int64).unique().implode())
    features = FittedFeatures.fit(table, seen)
    x = torch.cat([features.transform(table), torch.ones(table.height, 1)], 1)  # [n, F + 1]
    x, y = x[torch.from_numpy(seen.to_numpy())], vectors[torch.from_numpy(seen.to_numpy())]
    weight = torch.linalg.solve(x.T @ x + 0.1 * torch.eye(x.shape[1]), x.T @ y).T  # [D, F + 1]
    return Tower(features, ((weight[:, :-1], weight[:, -1]),))
