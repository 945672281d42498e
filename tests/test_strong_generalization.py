"""Strong generalization: users whom no model was trained on are measured by the rows that are given of them."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

import reccl
from reccl.data.dataset import Dataset
from reccl.data.splits import StrongGeneralization


@pytest.fixture(scope="module")
def data(planted: pl.DataFrame) -> Dataset:
    return Dataset.from_frame(planted, split=StrongGeneralization(test_users=60, validation_users=40))


def plain_ndcg(data: Dataset, scores: np.ndarray, part: str, k: int) -> float:
    """NDCG of the part's users by slow, obvious means: scores [U, I], given rows left out."""
    scores = scores.copy()
    scores[data.given[part]["user"], data.given[part]["item"]] = -np.inf
    found = []
    for user, items in data.part(part).group_by("user").agg("item").iter_rows():
        hits = np.isin(np.argsort(-scores[user], kind="stable")[:k], items)
        discount = 1 / np.log2(np.arange(2, k + 2))
        found.append((hits * discount).sum() / discount[: min(k, len(items))].sum())
    return float(np.mean(found))


def test_popularity_is_that_of_training_rows(data: Dataset) -> None:
    counts = np.bincount(data.train["item"], minlength=len(data.item_ids)).astype(float)
    scores = np.tile(counts - 1e-6 * np.arange(len(counts)), (len(data.user_ids), 1))
    model = reccl.train("methods/popularity", data, progress=False, training={"refit": False})
    for part in ("validation", "test"):
        assert model.metrics[part]["ndcg_at_10"] == pytest.approx(plain_ndcg(data, scores, part, 10), abs=0.01)


def test_an_item_item_model_is_about_its_matrix_on_the_given_rows(data: Dataset) -> None:
    users, items = len(data.user_ids), len(data.item_ids)
    x, given = np.zeros((users, items)), np.zeros((users, items))
    x[data.train["user"], data.train["item"]] = 1
    given[data.given["test"]["user"], data.given["test"]["item"]] = 1
    inverse = np.linalg.inv(x.T @ x + 20 * np.eye(items))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    settings = {"scorer": {"l2": 20}, "training": {"refit": False}}
    model = reccl.train("methods/ease", data, progress=False, **settings)
    assert model.metrics["test"]["ndcg_at_10"] == pytest.approx(plain_ndcg(data, given @ weights, "test", 10), abs=0.03)


@pytest.mark.parametrize("config", ["methods/svd", "methods/bpr-mf", "methods/lightgcn"])
def test_embeddings_of_unseen_users_more_than_double_popularity(config: str, data: Dataset) -> None:
    floor = reccl.train("methods/popularity", data, progress=False).metrics["test"]["ndcg_at_10"]
    small = {} if config == "methods/svd" else {"training": {"epochs": 12, "batch_size": 256, "learning_rate": 0.01}}
    model = reccl.train(config, data, progress=False, **small)
    assert model.metrics["test"]["ndcg_at_10"] > 2 * floor
    assert model.metrics["validation"]["ndcg_at_10"] > 2 * floor


def test_a_refit_trains_on_the_validation_users_and_still_not_on_those_of_test(data: Dataset) -> None:
    model = reccl.train("methods/ease", data, progress=False, scorer={"l2": 20}, training={"refit": True})
    plain = reccl.train("methods/ease", data, progress=False, scorer={"l2": 20}, training={"refit": False})
    assert model.metrics["test"] != plain.metrics["test"]
    source = dict(model.recommend(k=1).select("user", "source").rows())
    tested = set(data.user_ids.to_ids(data.test["user"]))
    validated = set(data.user_ids.to_ids(data.validation["user"]))
    assert {source[user] for user in tested} == {"fold_in"}
    assert {source[user] for user in validated} == {"model"}


def test_the_saved_model_lists_what_was_measured_and_hides_what_was_given(data: Dataset, tmp_path: Path) -> None:
    model = reccl.train("methods/svd", data, progress=False)
    model.save(tmp_path / "model")
    users = data.user_ids.to_ids(data.test["user"].unique())
    lists = reccl.load(tmp_path / "model").recommend(users, k=20)
    measured = reccl.evaluate(lists, data)
    assert measured.seen_items == 0
    assert measured["ndcg_at_10"] == pytest.approx(model.metrics["test"]["ndcg_at_10"])
    assert measured["capped_recall_at_20"] == pytest.approx(model.metrics["test"]["capped_recall_at_20"])


def test_weights_of_a_blend_are_selected_on_users_who_are_folded_in(data: Dataset) -> None:
    parts = {"parts": {"popularity": {"kind": "popularity"}, "svd": {"kind": "svd", "dimension": 8}}}
    blend = {"name": "blend", "scorer": {"kind": "blend", **parts}, "training": {"refit": False}}
    model = reccl.train(blend, data, progress=False)
    floor = reccl.train("methods/popularity", data, progress=False).metrics["test"]["ndcg_at_10"]
    assert model.metrics["test"]["ndcg_at_10"] > 2 * floor
