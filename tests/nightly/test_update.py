"""A model learns of what came since its training, without training, and can be saved, recorded and served."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mlflow
import pandas as pd
import polars as pl
import pytest
import torch
from polars.testing import assert_frame_equal

import reccl
from reccl import tracking
from reccl.errors import DataError, RunError
from reccl.recommender import Recommender

CONFIG: dict[str, Any] = {
    "name": "shop",
    "encoder": {"kind": "matrix_factorization", "dimension": 8},
    "objective": {"ranking": {"kind": "ranking", "loss": {"kind": "info_nce", "temperature": 0.2}}},
    "training": {"epochs": 6, "batch_size": 512, "learning_rate": 0.05},
    "evaluation": {"cutoffs": [10]},
}
EASE: dict[str, Any] = {"name": "ease", "scorer": {"kind": "ease"}, "evaluation": {"cutoffs": [10]}}
LATE = [10 + 3 * k for k in (100, 101, 102, 103)]
"""Items, one of each block, that the models are not trained on."""


@pytest.fixture(scope="module", autouse=True)
def folder(tmp_path_factory: pytest.TempPathFactory, inside) -> Iterator[Path]:
    with inside(tmp_path_factory.mktemp("update")) as place:
        yield place


@pytest.fixture(scope="module")
def items(planted_items: pl.DataFrame) -> pl.DataFrame:
    return planted_items.with_columns(title="title " + pl.col("item").cast(pl.String))


@pytest.fixture(scope="module", params=[CONFIG, EASE], ids=["trained", "ease"])
def model(request: pytest.FixtureRequest, planted: pl.DataFrame, items: pl.DataFrame) -> Recommender:
    rows = planted.filter(~pl.col("item").is_in(LATE))
    data = reccl.Dataset.from_frame(rows, items=items)
    return reccl.train(request.param, data, track=True, progress=False)


@pytest.fixture(scope="module")
def history() -> pl.DataFrame:
    """A known user and a new one, who both buy of block 2."""
    bought = [10 + 3 * (2 + 4 * place) for place in range(6)]
    return pl.DataFrame({"user": ["u000"] * 6 + ["new"] * 6, "item": bought * 2})


def own_block(lists: pl.DataFrame) -> float:
    """The share of items of block 2."""
    return float((((lists["item"] - 10) // 3 % 4) == 2).mean())  # type: ignore[arg-type]


def test_lists_are_those_of_a_model_that_is_given_the_history_with_every_request(
    model: Recommender, history: pl.DataFrame
) -> None:
    later = reccl.update(model, history)
    users = ["u000", "u001", "u077", "new"]
    assert_frame_equal(later.recommend(users, k=10), model.recommend(users, k=10, history=history))
    assert own_block(later.recommend(["new"], k=10)) > 0.7
    assert own_block(later.recommend(["u000"], k=50)) > own_block(model.recommend(["u000"], k=50))
    assert later.recommend(["new"], k=1)["source"].to_list() == ["fold_in"]


def test_users_who_did_nothing_and_the_given_model_stay_as_they_are(model: Recommender, history: pl.DataFrame) -> None:
    before = model.recommend(k=5)
    later = reccl.update(model, history)
    others = pl.col("user").is_in(["u000", "new"]).not_()
    assert_frame_equal(later.recommend(k=5).filter(others), before.filter(others))
    assert_frame_equal(model.recommend(k=5), before)
    assert "new" not in set(model.user_ids)
    assert later.metrics == model.metrics


def test_what_is_in_the_history_is_not_listed_again_and_counts_in_popularity(
    model: Recommender, history: pl.DataFrame
) -> None:
    later = reccl.update(model, history)
    bought = history.filter(user="new")["item"]
    assert not set(later.recommend(["new"], k=50)["item"]) & set(bought)
    grown = later.model.popularity - model.model.popularity
    had = UserItems(model).had("u000")
    for item in bought:
        assert grown[later.model.item_ids.to_rows(pl.Series([item]))[0]] == 1 + (item not in had)
    assert grown.sum() == 6 + len(set(bought) - had)


class UserItems:
    """What users of a model have."""

    def __init__(self, model: Recommender) -> None:
        self.model = model.model

    def had(self, user: str) -> set[int]:
        row = torch.tensor([self.model.user_ids.to_rows(pl.Series([user]))[0]])
        _, items = self.model.known.gather_pairs(row)
        return set(self.model.item_ids.ids.gather(items.numpy()))


def test_rows_that_the_model_has_change_nothing(model: Recommender) -> None:
    user = model.user_ids[3]
    known = pl.DataFrame({"user": [user] * 2, "item": sorted(UserItems(model).had(user))[:2]})
    later = reccl.update(model, known)
    assert_frame_equal(later.recommend(k=5).drop("source", "score"), model.recommend(k=5).drop("source", "score"))
    assert torch.equal(later.model.popularity, model.model.popularity)


def test_new_items_come_in_by_their_features_with_their_titles(model: Recommender, items: pl.DataFrame) -> None:
    fresh = items.filter(pl.col("item").is_in(LATE))
    assert not set(LATE) & set(model.item_ids)
    later = reccl.update(model, new_items=fresh)
    assert set(LATE) <= set(later.item_ids)
    lists = later.recommend(k=116, item_columns=["title"])
    listed = lists.filter(pl.col("item").is_in(LATE))
    assert listed.height > 0
    assert (listed["title"] == "title " + listed["item"].cast(pl.String)).all()
    assert set(listed["source"]) == {"content"}


def test_it_can_be_saved_loaded_and_updated_again(
    model: Recommender, history: pl.DataFrame, items: pl.DataFrame, tmp_path: Path
) -> None:
    later = reccl.update(model, history, new_items=items.filter(pl.col("item").is_in(LATE)))
    later.save(tmp_path / "model")
    again = reccl.load(tmp_path / "model")
    assert_frame_equal(again.recommend(k=10), later.recommend(k=10))
    twice = reccl.update(again, pl.DataFrame({"user": ["newer", "newer"], "item": [16, 28]}))
    assert twice.recommend(["newer"], k=5).height == 5
    assert len(twice.user_ids) == len(model.user_ids) + 2


def test_it_is_recorded_as_a_run_that_is_found_served_and_promoted(model: Recommender, history: pl.DataFrame) -> None:
    later = reccl.update(model, history, track=True)
    run = tracking.find(later.run_id)
    assert run.info.status == "FINISHED"
    assert run.info.run_name == f"{model.record.name}-updated"
    assert run.data.tags["reccl.updated_from"] == model.run_id
    assert (run.data.tags["data.new_users"], run.data.tags["data.moved_users"]) == ("1", "1")
    assert not any(name.startswith("test/") for name in run.data.metrics)
    assert tracking.find(model.record.name).info.run_id == model.run_id, "the name stays that of the training"
    promoted = reccl.promote(later, name=f"served-{model.record.name}")
    served = mlflow.pyfunc.load_model(promoted.address)
    answer = served.predict(pd.DataFrame({"user": ["new", "u000"]}), params={"k": 5})
    expected = later.recommend(["new", "u000"], k=5)
    listed = pl.from_pandas(answer).sort("user", "rank")
    assert listed["item"].to_list() == expected.sort("user", "rank")["item"].to_list()
    with pytest.raises(RunError, match="no values of"):
        reccl.promote(later, name=f"served-{model.record.name}", if_better="test/ndcg_at_10")


class TestRefusals:
    def test_of_nothing(self, model: Recommender) -> None:
        with pytest.raises(DataError, match="give a history, new users or new items"):
            reccl.update(model)

    def test_of_a_history_without_items(self, model: Recommender) -> None:
        with pytest.raises(DataError, match="the history has no column 'item'"):
            reccl.update(model, pl.DataFrame({"user": ["u000"]}))

    def test_of_recording_what_belongs_to_no_run(self, model: Recommender, history: pl.DataFrame) -> None:
        with pytest.raises(RunError, match="was not recorded"):
            reccl.update(Recommender(model.model, model.record), history, track=True)

    def test_of_new_items_where_nothing_embeds_them(self, planted: pl.DataFrame) -> None:
        plain = reccl.train(CONFIG, reccl.Dataset.from_frame(planted), progress=False)
        with pytest.raises(DataError, match="embeds no new items"):
            reccl.update(plain, new_items=pl.DataFrame({"item": [999]}))
