"""Features say of a node what the table says, with vocabularies and means of the trained nodes alone."""

import datetime
from dataclasses import replace
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.config import load, validate
from reccl.data.dataset import Dataset
from reccl.data.features import EncodedFeatures, FeatureSchema, encode
from reccl.data.prepare import prepare
from reccl.errors import DataError

TRAINED = pl.Series([True, True, True, True, False, False])
TABLE = pl.DataFrame(
    {
        "genre": ["drama", "west", "drama", None, "space", "west"],
        "tags": [["a", "b"], [], None, ["b"], ["z", "a", None], ["b", "a"]],
        "year": [1990.0, 2000.0, None, 1992.0, 3000.0, 1990.0],
        "old": [True, False, True, True, None, False],
    }
)


def same(one: EncodedFeatures, other: EncodedFeatures) -> bool:
    def equal(left: dict, right: dict) -> bool:
        return left.keys() == right.keys() and all(
            torch.equal(left[name][0], right[name][0]) and left[name][1] == right[name][1] for name in left
        )

    numbers = (one.numbers is None and other.numbers is None) or torch.equal(one.numbers, other.numbers)
    return equal(one.categories, other.categories) and equal(one.lists, other.lists) and numbers


def test_words_get_codes_from_one_and_what_is_unknown_or_missing_gets_zero() -> None:
    codes, size = encode(TABLE, TRAINED, ("genre",)).categories["genre"]
    assert codes.tolist() == [1, 2, 1, 0, 0, 2]  # space belongs to no trained node
    assert size == 3


def test_booleans_are_categories() -> None:
    codes, size = encode(TABLE, TRAINED).categories["old"]
    assert (codes.tolist(), size) == ([2, 1, 2, 2, 0, 1], 3)


def test_lists_are_padded_with_zero_and_an_unknown_word_is_zero() -> None:
    codes, size = encode(TABLE, TRAINED).lists["tags"]
    assert codes.tolist() == [[1, 2], [0, 0], [0, 0], [2, 0], [0, 1], [2, 1]]
    assert size == 3


def test_numbers_are_standardized_by_trained_nodes_and_missing_ones_are_their_mean() -> None:
    numbers = encode(TABLE, TRAINED).numbers
    known = np.array([1990, 2000, 1992.0])
    expected = (np.array([1990, 2000, known.mean(), 1992, 3000, 1990]) - known.mean()) / known.std(ddof=1)
    np.testing.assert_allclose(numbers.numpy()[:, 0], expected, rtol=1e-6)


@pytest.mark.parametrize("missing", [None, float("nan"), float("inf")])
def test_a_missing_number_spoils_no_other(missing: float | None) -> None:
    table = pl.DataFrame({"price": [1.0, missing, 3.0]}, strict=False)
    numbers = encode(table, pl.Series([True] * 3)).numbers
    np.testing.assert_allclose(numbers[:, 0], [-(0.5**0.5), 0, 0.5**0.5], rtol=1e-6)


def test_a_constant_or_wholly_unknown_column_is_finite() -> None:
    table = pl.DataFrame(
        {"same": [5, 5, 5], "none": pl.Series([None] * 3, dtype=pl.Float64), "word": [None, None, "x"]}
    )
    made = encode(table, pl.Series([True, True, False]), ("same", "none", "word"))
    assert made.numbers.tolist() == [[0, 0], [0, 0], [0, 0]]
    assert made.categories["word"][0].tolist() == [0, 0, 0]


def test_dates_are_numbers() -> None:
    table = pl.DataFrame({"born": [datetime.date(2000, 1, 1), datetime.date(2000, 1, 3), datetime.date(2000, 1, 2)]})
    np.testing.assert_allclose(encode(table, pl.Series([True] * 3)).numbers[:, 0], [-1, 1, 0], atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.sampled_from("abcdé"), st.floats(-1e6, 1e6), st.lists(st.sampled_from("xyz")))), st.data())
def test_what_untrained_nodes_say_changes_nothing_for_trained_ones(rows: list, data: st.DataObject) -> None:
    schema = {"word": pl.String, "number": pl.Float64, "list": pl.List(pl.String)}
    trained = pl.Series([data.draw(st.booleans()) for _ in rows], dtype=pl.Boolean)
    table = pl.DataFrame(rows, schema=schema, orient="row")
    other = pl.DataFrame([(f"new{row}", 1e9, ["p", "q"]) for row in range(len(rows))], schema=schema, orient="row")
    changed = table.select(pl.when(trained).then(pl.col(name)).otherwise(other[name]).alias(name) for name in schema)
    before, after = encode(table, trained), encode(changed, trained)
    kept = torch.tensor(trained.to_list(), dtype=torch.bool)
    assert before.categories.keys() == after.categories.keys()
    assert before.lists.keys() == after.lists.keys()
    for name, (codes, size) in before.categories.items():
        assert after.categories[name][1] == size
        assert torch.equal(codes[kept], after.categories[name][0][kept])
        assert (after.categories[name][0][~kept] == 0).all()
    for name, (codes, size) in before.lists.items():
        assert after.lists[name][1] == size
        width = min(codes.shape[1], after.lists[name][0].shape[1])
        assert torch.equal(codes[kept, :width], after.lists[name][0][kept, :width])
    assert (before.numbers is None) == (after.numbers is None)
    if before.numbers is not None:
        assert torch.equal(before.numbers[kept], after.numbers[kept])


def test_titles_and_constants_are_left_out_unless_named() -> None:
    table = pl.DataFrame({"title": ["p", "q", "r", "s"], "one": ["x"] * 4, "kind": ["k", "l", "k", "l"]})
    everyone = pl.Series([True] * 4)
    assert set(encode(table, everyone).categories) == {"kind"}
    assert set(encode(table, everyone, ("title", "one")).categories) == {"title", "one"}


def test_a_column_that_is_not_there_is_named_with_the_nearest() -> None:
    with pytest.raises(DataError, match=r"no feature 'genres'; did you mean 'genre'.*there are genre, old, tags, year"):
        encode(TABLE, TRAINED, ("genres",))
    with pytest.raises(DataError, match="features genre asked for, and the data has no such table"):
        encode(None, TRAINED, ("genre",))
    assert same(encode(None, TRAINED), EncodedFeatures())
    assert same(encode(TABLE, TRAINED, ()), EncodedFeatures())


def test_a_node_counts_as_trained_where_train_has_a_row_of_it(planted_dataset: Dataset) -> None:
    rows = planted_dataset.train.filter(pl.col("item") != 5)
    tables = replace(planted_dataset, train=rows).build_feature_tables()
    assert [row for row, trained in enumerate(tables.trained_items) if not trained] == [5]
    assert tables.trained_users.all()
    assert len(tables.trained_users) == 200


def test_held_out_rows_teach_no_feature(planted_dataset: Dataset) -> None:
    train = planted_dataset.train.filter(pl.col("item") < 60)
    table = planted_dataset.item_table
    lied = table.with_columns(pl.when(pl.int_range(pl.len()) < 60).then("size").otherwise(1e6).alias("size"))
    before, after = (
        replace(planted_dataset, train=train, item_table=items).build_feature_tables().encode_items()
        for items in (table, lied)
    )
    assert torch.equal(before.numbers[:60], after.numbers[:60])


@pytest.mark.real_data
def test_the_kinds_that_movielens_comes_with_change_nothing_for_warm_encoders(real_data: Path) -> None:
    config = validate({"name": "x", "data": "ml-100k", "scorer": {"kind": "popularity"}}, (), {}, "here")
    data = prepare(config.data)
    assert data.features != FeatureSchema()
    inferred, schemed = replace(data, features=FeatureSchema()).build_feature_tables(), data.build_feature_tables()
    encoder = load("movielens-two-tower").encoder
    for columns in (None, encoder.user_features):
        assert same(inferred.encode_users(columns), schemed.encode_users(columns))
    for columns in (None, encoder.item_features):
        assert same(inferred.encode_items(columns), schemed.encode_items(columns))
