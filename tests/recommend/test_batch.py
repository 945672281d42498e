"""Recommendations are the k best new items of each user, in raw ids."""

from importlib import import_module

import numpy as np
import polars as pl
import pytest

from reccl.data.dataset import Dataset
from reccl.recommend import Model, recommend

SCHEMA = {"user": pl.String, "item": pl.Int64, "score": pl.Float32, "rank": pl.Int32, "source": pl.String}


def lists(model: Model, users: list[object] | None, k: int = 10, **options: bool) -> pl.DataFrame:
    wanted = None if users is None else pl.Series("user", users, dtype=model.user_ids.ids.dtype)
    return pl.concat(recommend(model, wanted, k, **options))


def seen(data: Dataset) -> pl.DataFrame:
    """Raw ids of what is known at the end of training."""
    rows = data.known_before("test")
    return rows.select(data.user_ids.to_ids(rows["user"]), data.item_ids.to_ids(rows["item"])).unique()


def test_every_user_has_k_rows_sorted_by_user_and_rank(model: Model) -> None:
    table = lists(model, None)
    assert table.schema == SCHEMA
    assert table["user"].unique().sort().to_list() == model.user_ids.ids.to_list()
    assert table["rank"].to_list() == list(range(1, 11)) * len(model.user_ids)
    assert table.equals(table.sort("user", "rank"))
    assert table["source"].unique().to_list() == ["model"]


def test_lists_are_the_best_by_score_in_raw_ids(model: Model, planted_dataset: Dataset) -> None:
    known = seen(planted_dataset)
    for user in ("u000", "u137"):
        vector = model.scorer.user_embeddings[model.user_ids.ids.to_list().index(user)].numpy()
        scores = dict(
            zip(model.item_ids.ids.to_list(), (model.scorer.item_embeddings.numpy() @ vector).tolist(), strict=True)
        )
        own = set(known.filter(user=user)["item"])
        best = sorted((item for item in scores if item not in own), key=lambda item: -scores[item])[:10]
        table = lists(model, [user])
        assert table["item"].to_list() == best
        assert table["score"].to_list() == pytest.approx([scores[item] for item in best], rel=1e-5)


def test_nothing_known_is_recommended_and_everything_is_where_asked_for(model: Model, planted_dataset: Dataset) -> None:
    known = seen(planted_dataset)
    everything = lists(model, None, k=10_000)
    assert everything.join(known, on=["user", "item"]).is_empty()
    assert everything.height == len(model.user_ids) * len(model.item_ids) - known.height
    assert lists(model, None, k=10_000, include_seen=True).height == len(model.user_ids) * len(model.item_ids)
    assert not lists(model, None, include_seen=True).join(known, on=["user", "item"]).is_empty()


def test_items_of_the_test_part_can_be_recommended(model: Model, planted_dataset: Dataset) -> None:
    rows = planted_dataset.test
    held_out = rows.select(planted_dataset.user_ids.to_ids(rows["user"]), planted_dataset.item_ids.to_ids(rows["item"]))
    assert not lists(model, None, k=10_000).join(held_out, on=["user", "item"]).is_empty()


def test_unknown_users_get_the_most_popular_items_and_are_flagged(model: Model) -> None:
    table = lists(model, ["zoe", "u003", "adam"], k=5)
    assert table["user"].unique(maintain_order=True).to_list() == ["u003", "adam", "zoe"]
    assert table.filter(source="model")["user"].unique().to_list() == ["u003"]
    order = np.argsort(-model.popularity.numpy(), kind="stable")[:5]
    for user in ("adam", "zoe"):
        own = table.filter(user=user)
        assert own["source"].unique().to_list() == ["popularity"]
        assert own["score"].to_list() == sorted(model.popularity.tolist(), reverse=True)[:5]
        counts = dict(zip(model.item_ids.ids.to_list(), model.popularity.tolist(), strict=True))
        assert [counts[item] for item in own["item"]] == [model.popularity[int(place)] for place in order]


def test_only_unknown_users_is_no_special_case(model: Model) -> None:
    assert lists(model, ["zoe"], k=3)["source"].to_list() == ["popularity"] * 3


def test_a_user_asked_for_twice_is_listed_once(model: Model) -> None:
    assert lists(model, ["u001", "u001"], k=3).equals(lists(model, ["u001"], k=3))


def test_the_order_of_asking_and_the_chunks_do_not_matter(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    some = ["u150", "u002", "u090"]
    whole = lists(model, some)
    monkeypatch.setattr(import_module("reccl.evaluation.top_k"), "CHUNK_BYTES", 1)
    assert len(list(recommend(model, pl.Series(some), 10))) == 3
    parts = lists(model, some[::-1])
    assert parts.drop("score").equals(whole.drop("score"))
    assert parts["score"].to_list() == pytest.approx(whole["score"].to_list(), rel=1e-5)


def test_whole_number_ids_give_the_same_lists(model: Model, numbered: Model) -> None:
    table = lists(numbered, None)
    assert table.schema == {**SCHEMA, "user": pl.Int64}
    assert table.drop("user").equals(lists(model, None).drop("user"))
    assert lists(numbered, [7, 8], k=2)["source"].to_list() == ["model"] * 2 + ["popularity"] * 2


def test_where_fewer_than_k_items_are_left_the_list_is_shorter(model: Model, planted_dataset: Dataset) -> None:
    own = seen(planted_dataset).filter(user="u005").height
    table = lists(model, ["u005"], k=10_000)
    assert table["rank"].to_list() == list(range(1, len(model.item_ids) - own + 1))
