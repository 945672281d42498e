"""What is inferred of columns that no schema names: separated words are bags of words, nested columns are left out."""

import polars as pl
import pytest

from reccl.data.features import FeatureTables, MultiHot
from reccl.data.features.separated import separator_in

KINDS, USES = ("shoes", "shirts", "bags", "hats"), ("running", "work", "city", "snow", "sea")
PRODUCTS = pl.DataFrame(
    {
        "category": [f"{KINDS[i % 4]}|{USES[i % 5]}" for i in range(40)],
        "brand": [f"b{i % 3}" for i in range(40)],
        "maker": [{"name": f"m{i % 3}"} for i in range(40)],
        "offers": [[{"shop": "a", "price": float(i)}] for i in range(40)],
        "parts": [[["a"], ["b"]] for i in range(40)],
        "name": [f"Product {i}, the {i}th" for i in range(40)],
    }
)


@pytest.fixture
def tables() -> FeatureTables:
    return FeatureTables(None, PRODUCTS, pl.Series([True]), pl.Series([True] * 40))


def test_separated_words_are_a_bag_of_words(tables: FeatureTables) -> None:
    kinds = {each.name: each.settings for each in tables.fit("items").features}
    assert kinds["category"] == MultiHot()
    assert set(kinds) == {"category", "brand"}
    matrix = tables.transform("items")
    assert matrix.shape == (40, 4 + 5 + 3)
    assert matrix[:, :9].sum(1).tolist() == pytest.approx([1.0] * 40)


def test_encoders_that_read_columns_take_them_alike(tables: FeatureTables) -> None:
    assert set(tables.encode_items().lists) == {"category"}


def test_what_was_taken_and_left_out_is_said(tables: FeatureTables) -> None:
    assert tables.notes() == [
        "data.features.items: left out, as it is nested: maker, offers, parts; "
        "name fields of it, as {maker.name: {kind: categorical}}",
        "data.features.items: category holds words separated by '|' (multi_hot)",
    ]


@pytest.mark.parametrize("separator", ["|", ";", ","])
def test_words_that_come_again_tell_the_separator(separator: str) -> None:
    assert separator_in(PRODUCTS["category"].str.replace("|", separator, literal=True)) == separator
    assert separator_in(PRODUCTS["name"]) is None
