"""Users who have features in place of items get lists of trained items from scorers that rank from histories, too."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
import torch

from reccl.cold_start import ColdStart, Regression, embed_cold_nodes
from reccl.cold_start.expected_profile import RANK
from reccl.data.dataset import Dataset
from reccl.scorers import ChebyshevFilter, Ease, GraphFilter, ItemKnn, ScorerSettings, Svd
from reccl.scorers.selection import Blend

SCORERS: dict[str, ScorerSettings] = {
    "ease": Ease(l2=20),
    "item_knn": ItemKnn(),
    "graph_filter": GraphFilter(),
    "chebyshev_filter": ChebyshevFilter(),
    "blend": Blend(parts={"vectors": Svd(dimension=8), "items": Ease(l2=20)}, weights={"vectors": 1, "items": 1}),
}
COLD_USERS, COLD_ITEMS = 20, 8


@pytest.fixture(scope="module")
def cold(planted_dataset: Dataset) -> Dataset:
    """Users 0 .. 19 and items 0 .. 7 are not trained on."""
    of_trained = (pl.col("user") >= COLD_USERS) & (pl.col("item") >= COLD_ITEMS)
    return replace(planted_dataset, train=planted_dataset.train.filter(of_trained))


def embed(settings: ScorerSettings, data: Dataset, users: Regression) -> tuple[torch.Tensor, torch.Tensor]:
    """Scores [U, I] of the plain scorer, and with cold nodes placed by their features."""
    builder, everybody = settings.builder(data.build_graph()), torch.arange(len(data.user_ids))
    placed = embed_cold_nodes(ColdStart(users=users), builder, data.build_feature_tables(), None, None, seed=1).scorer
    return builder.build(None).scores(everybody), placed.scores(everybody)


@pytest.mark.parametrize("name", SCORERS)
class TestScorersOfHistories:
    def test_trained_users_keep_their_scores_of_trained_items(self, name: str, cold: Dataset) -> None:
        plain, placed = embed(SCORERS[name], cold, Regression(hidden=0))
        torch.testing.assert_close(placed[COLD_USERS:, COLD_ITEMS:], plain[COLD_USERS:, COLD_ITEMS:])

    def test_users_from_features_find_their_block(self, name: str, cold: Dataset) -> None:
        """The category of one user in ten lies."""
        _, placed = embed(SCORERS[name], cold, Regression(hidden=0))
        best = placed[:COLD_USERS, COLD_ITEMS:].topk(5).indices + COLD_ITEMS  # [n, 5]
        assert (best % 4 == torch.arange(COLD_USERS)[:, None] % 4).float().mean() >= 0.75

    def test_features_that_say_nothing_give_everybody_what_is_popular(self, name: str, cold: Dataset) -> None:
        """A heavy penalty leaves the mean user, whose profile is the share of users who have each item."""
        _, placed = embed(SCORERS[name], cold, Regression(hidden=0, penalty=1e9))
        share = np.bincount(cold.train["item"], minlength=120)[COLD_ITEMS:]
        for scores in placed[:COLD_USERS, COLD_ITEMS:].numpy():
            assert np.corrcoef(scores, share)[0, 1] > 0.8

    def test_their_lists_are_not_of_new_items_alone(self, name: str, cold: Dataset) -> None:
        _, placed = embed(SCORERS[name], cold, Regression(hidden=0))
        best = placed[:COLD_USERS].topk(10).indices
        assert (best >= COLD_ITEMS).float().mean() > 0.8  # as of the catalog


def test_scores_are_a_projection_of_the_predicted_profile(cold: Dataset) -> None:
    """Of EASE: V z c, with z by ridge regression and V the singular vectors of the training rows, in NumPy."""
    data = replace(cold, item_table=None)
    _, placed = embed(Ease(l2=20), data, Regression(hidden=0, penalty=3.0))
    rated = np.zeros((200, 120))
    rated[data.train["user"], data.train["item"]] = 1
    directions = np.linalg.svd(rated, full_matrices=False)[2][:RANK].T  # [I, d]
    fitted = data.build_feature_tables().fit("users")
    assert data.user_table is not None
    x = fitted.transform(data.user_table).numpy().astype(float)
    start = 0
    for feature in fitted.features:
        part = x[:, start : (start := start + len(feature.columns))]
        part /= np.sqrt(np.mean(np.sum(part[COLD_USERS:] ** 2, axis=1)))
    trained, mean = x[COLD_USERS:], x[COLD_USERS:].mean(0)
    y = rated[COLD_USERS:] @ directions
    gram = (trained - mean).T @ (trained - mean) + 3.0 * np.eye(x.shape[1])
    z = y.mean(0) + (x[:COLD_USERS] - mean) @ np.linalg.solve(gram, (trained - mean).T @ (y - y.mean(0)))
    expected = z @ directions.T  # [n, I]
    found = placed[:COLD_USERS].numpy()
    for one, other in zip(found, expected, strict=True):
        assert np.corrcoef(one, other)[0, 1] > 0.99
    ratio = found.std(1) / expected.std(1)
    assert ratio.std() < 0.02 * ratio.mean()
