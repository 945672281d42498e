"""Fields of nested columns are features where the schema names them: metadata of products as they are published."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.features import Categorical, FittedFeatures, MultiHot, Numeric
from reccl.data.features.nested import has_column, list_fields, read_column
from reccl.errors import DataError

PRODUCTS = [
    {
        "parent_asin": f"B{i:03}",
        "details": {"Brand": f"b{i % 3}" if i % 7 else None, "Size": {"Weight": float(i)}},
        "images": [{"variant": "MAIN", "tags": ["a", "b"]}, {"variant": f"PT0{i % 2}", "tags": ["c"]}][: 1 + i % 2],
        "videos": [],
    }
    for i in range(40)
]
SCHEMA = {
    "details.Brand": Categorical(),
    "details.Size.Weight": Numeric(),
    "images.variant": MultiHot(),
    "images.tags": MultiHot(normalize=False),
}


@pytest.fixture
def table() -> pl.DataFrame:
    return pl.DataFrame(PRODUCTS).drop("parent_asin")


def test_structs_and_lists_of_structs_become_columns(table: pl.DataFrame) -> None:
    assert read_column(table, "details.Size.Weight").to_list() == [float(i) for i in range(40)]
    assert read_column(table, "images.variant").to_list()[:2] == [["MAIN"], ["MAIN", "PT01"]]
    assert read_column(table, "images.tags").to_list()[:2] == [["a", "b"], ["a", "b", "c"]]
    assert read_column(table, "details.Color").to_list() == [None] * 40
    assert not has_column(table, "details.Color")
    assert list_fields("details", table.schema["details"]) == ["details.Brand", "details.Size.Weight"]


def test_named_fields_are_the_features_of_flat_columns(table: pl.DataFrame) -> None:
    trained = pl.Series([True] * 40)
    fitted = FittedFeatures.fit(table, trained, SCHEMA)
    flat = pl.DataFrame({name: read_column(table, name) for name in SCHEMA})
    assert torch.equal(fitted.transform(table), FittedFeatures.fit(flat, trained, SCHEMA).transform(flat))
    assert torch.equal(fitted.transform(flat), fitted.transform(table))  # a flat table of new items will do
    assert fitted.columns[:3] == ["details.Brand=b0", "details.Brand=b1", "details.Brand=b2"]


def test_nested_names_come_first_as_written(table: pl.DataFrame) -> None:
    dotted = table.with_columns(pl.lit("x").alias("details.Brand"))
    assert read_column(dotted, "details.Brand").to_list() == ["x"] * 40


def test_a_field_that_is_not_there_is_an_error(table: pl.DataFrame) -> None:
    with pytest.raises(DataError, match=r"no feature 'details.Brnd'; did you mean 'details.Brand'\?; there"):
        FittedFeatures.fit(table, pl.Series([True] * 40), {"details.Brnd": Categorical()})


def test_a_data_set_of_json_lines_with_fields_named_in_its_config(tmp_path: Path) -> None:
    (tmp_path / "meta.jsonl").write_text("".join(json.dumps(each) + "\n" for each in PRODUCTS))
    rows = [{"user_id": f"u{u}", "parent_asin": f"B{(7 * u + i) % 40:03}"} for u in range(20) for i in range(8)]
    (tmp_path / "reviews.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    data = Dataset.from_frame(
        tmp_path / "reviews.jsonl",
        items=tmp_path / "meta.jsonl",
        user="user_id",
        item="parent_asin",
        features={"items": {"details.Brand": {"kind": "categorical"}, "images.variant": {"kind": "multi_hot"}}},
    )
    tables = data.build_feature_tables()
    assert [each.name for each in tables.fit("items").features] == ["details.Brand", "images.variant"]
    assert set(tables.encode_items().categories) == {"details.Brand"}
    assert set(tables.encode_items().lists) == {"images.variant"}
    assert tables.notes() == []  # all nested columns with values are named
