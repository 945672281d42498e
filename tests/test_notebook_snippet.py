"""The snippet that every page begins with, on MovieLens-100K: under a minute, with the metrics of the command line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

import reccl

pytestmark = pytest.mark.real_data
ROOT = Path(reccl.__file__).parents[1]
EPOCHS = 30


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> reccl.Dataset:
    return reccl.load_dataset("ml-100k", progress=False)


@pytest.fixture(scope="module")
def model(data: reccl.Dataset) -> reccl.Recommender:
    return reccl.train(
        "movielens", data, encoder={"dimension": 128}, training={"epochs": EPOCHS, "refit": False}, progress=False
    )


def test_a_model_is_trained_and_tells_its_metrics_and_its_history(model: reccl.Recommender) -> None:
    assert model.metrics["test"]["ndcg_at_10"] > 0.3
    assert model.history.height == EPOCHS


def test_metrics_are_those_of_the_command_line_to_the_last_digit(model: reccl.Recommender, tmp_path: Path) -> None:
    overrides = ("encoder.dimension=128", f"training.epochs={EPOCHS}", "training.refit=false")
    words = [word for override in overrides for word in ("--set", override)]
    done = subprocess.run(
        [sys.executable, "-m", "reccl", "train", "--config", "movielens.yaml", *words, "--json", "--quiet"],
        capture_output=True,
        text=True,
        cwd=tmp_path,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=True,
    )
    (recorded,) = json.loads(done.stdout)
    assert model.metrics["test"] == recorded["test"]
    assert model.metrics["validation"] == recorded["validation"]


def test_it_recommends_films_with_their_titles(model: reccl.Recommender) -> None:
    lists = model.recommend(users=["42", "7"], k=20, item_columns=["title"])
    assert lists.columns == ["user", "item", "score", "rank", "source", "title"]
    assert lists["user"].to_list() == [7] * 20 + [42] * 20
    assert lists["title"].null_count() == 0


def test_it_gives_vectors_and_scores(model: reccl.Recommender) -> None:
    users, items = model.user_embeddings(), model.item_embeddings()
    assert (users.shape, items.shape) == ((943, 2), (1682, 2))
    dimension = users["vector"].dtype.shape[0]  # of the encoder, and components by which new films are placed
    assert dimension > 128
    assert items["vector"].dtype == pl.Array(pl.Float32, dimension)
    lists = model.recommend(users=[42], k=5)
    assert model.score(lists.select("user", "item"))["score"].to_list() == pytest.approx(lists["score"].to_list())
    listed = items.join(lists.select("item"), on="item", how="right", maintain_order="right")["vector"].to_numpy()
    own = users.filter(pl.col("user") == 42)["vector"].to_numpy()[0]
    assert (listed @ own).tolist() == pytest.approx(lists["score"].to_list(), abs=1e-4)


def test_a_new_user_gets_a_list_from_a_few_films(model: reccl.Recommender) -> None:
    history = pl.DataFrame({"user": ["9001", "9001"], "item": ["50", "172"]})  # Star Wars, The Empire Strikes Back
    lists = model.recommend(users=["9001"], k=10, history=history, item_columns=["title"])
    assert lists["source"].unique().to_list() == ["fold_in"]
    assert "Return of the Jedi" in lists["title"].to_list()


def test_it_comes_back_from_disk(model: reccl.Recommender, tmp_path: Path) -> None:
    model.save(tmp_path / "model")
    again = reccl.load(tmp_path / "model")
    assert again.metrics == model.metrics
    assert again.recommend(users=[7], k=3)["item"].to_list() == model.recommend(users=[7], k=3)["item"].to_list()


def test_its_lists_measure_what_it_was_measured_by(model: reccl.Recommender, data: reccl.Dataset) -> None:
    found = reccl.evaluate(model.recommend(k=20), data, metrics=["ndcg", "recall"], k=[10, 20])
    for name, value in found.metrics.items():
        assert value == pytest.approx(model.metrics["test"][name], abs=1e-9)
