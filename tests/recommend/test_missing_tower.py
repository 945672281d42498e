"""Why a model embeds no new nodes: the reasons are those of its training, and the keys that they name help."""

from dataclasses import replace

import polars as pl
import pytest
import torch
import yaml

from reccl.config import dump, resolve
from reccl.data.dataset import Dataset
from reccl.errors import DataError
from reccl.fitting import TrainedModel, learn
from reccl.recommend import Model, extend_model
from reccl.recommend.missing_tower import explain_missing_tower
from reccl.recommend.record import TrainingRecord

TABLES = {"users": "users.csv", "items": "items.csv"}
LEFT_OUT = {"items": {"group": None, "tags": None, "size": None}}


def trained(data: Dataset, scorer: str, *, tables: bool = True, **sections) -> tuple[TrainedModel, TrainingRecord]:
    """A training without an encoder, of the planted world with its tables or without, and its record."""
    if not tables:
        data = replace(data, user_table=None, item_table=None)
    features = sections.pop("features", {})
    section = {"pipeline": "table", "interactions": "buys.csv", "features": features, **(TABLES if tables else {})}
    config = {"name": "planted", "data": section, "scorer": {"kind": scorer}, **sections}
    experiment = resolve(config, {})
    model = learn(experiment, replace(data, features=experiment.data.features), torch.device("cpu"))
    return model, TrainingRecord(dump(experiment), {}, {}, pl.DataFrame(), data.item_table)


@pytest.mark.parametrize(
    ("scorer", "sections", "line"),
    [
        ("svd", {"cold_start": None}, "cold_start is null; train again with cold_start={}"),
        (
            "svd",
            {"cold_start": {"items": None}},
            "cold_start.items is null; train again with cold_start.items={kind: regression}",
        ),
        ("popularity", {"cold_start": None}, "cold_start is null; train again with cold_start={}"),
        ("svd", {"tables": False}, "the data has no table of items; train again with data.items=FILE"),
        ("personal_popularity", {"tables": False}, "the data has no table of items; train again with data.items=FILE"),
        (
            "popularity",
            {"cold_start": None, "tables": False},
            "cold_start is null and the data has no table of items; train again with cold_start={}, data.items=FILE",
        ),
        ("random", {}, "its scorer is random; train again with a scorer that learns, such as scorer={kind: svd}"),
        (
            "svd",
            {"features": LEFT_OUT},
            "no column of the table of items is used as a feature; train again with "
            "data.features.items={COLUMN: {kind: categorical}}, or kind text for titles",
        ),
    ],
)
def test_new_items_of_a_model_that_embeds_none(
    planted_dataset: Dataset, planted_items: pl.DataFrame, scorer: str, sections: dict, line: str
) -> None:
    fitted, record = trained(planted_dataset, scorer, **sections)
    model = Model.of(fitted.scorer, planted_dataset, fitted.towers)
    with pytest.raises(DataError) as refused:
        extend_model(model, new_items=planted_items.with_columns(pl.col("item") + 1000), record=record)
    assert str(refused.value) == f"this model embeds no new items: {line}"


@pytest.mark.parametrize("scorer", ["popularity", "personal_popularity", "svd"])
def test_with_the_keys_that_a_line_names_it_embeds_them(
    planted_dataset: Dataset, planted_items: pl.DataFrame, scorer: str
) -> None:
    fitted, record = trained(planted_dataset, scorer, cold_start={})
    model = Model.of(fitted.scorer, planted_dataset, fitted.towers)
    new = planted_items.with_columns(pl.col("item") + 1000)
    assert len(extend_model(model, new_items=new, record=record).model.item_ids) == len(model.item_ids) + len(new)


@pytest.mark.parametrize(
    ("sections", "line"),
    [
        ({"cold_start": None}, "cold_start is null; train again with cold_start={}"),
        ({"tables": False}, "the data has no table of users; train again with data.users=FILE"),
        ({}, None),
    ],
)
def test_new_users_get_popularity_and_a_line(
    planted_dataset: Dataset, planted_users: pl.DataFrame, sections: dict, line: str | None
) -> None:
    fitted, record = trained(planted_dataset, "svd", **sections)
    model = Model.of(fitted.scorer, planted_dataset, fitted.towers)
    notes: list[str] = []
    extend_model(
        model, planted_users.with_columns(pl.format("new{}", "user").alias("user")), log=notes.append, record=record
    )
    assert notes == ([] if line is None else [f"features of new users are not used: {line}"])


@pytest.mark.parametrize(
    ("data", "keys"),
    [
        ({"pipeline": "frame", "items": None}, "items=TABLE beside the interactions"),
        ({"pipeline": "adjacency"}, "data={pipeline: table, interactions: FILE, items: FILE}"),
    ],
)
def test_data_of_other_pipelines_is_given_a_table_in_their_way(data: dict, keys: str) -> None:
    record = TrainingRecord(yaml.safe_dump({"data": data, "cold_start": {}}), {}, {}, pl.DataFrame())
    line = explain_missing_tower("item", record)
    assert line == f"the data has no table of items; train again with {keys}"
