"""All features of one side: any table becomes the same columns, and what is held out teaches nothing."""

import json
from dataclasses import replace

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.data.features import (
    Bins,
    Categorical,
    FeatureSchema,
    FittedFeatures,
    MultiHot,
    Numeric,
    Text,
    Vector,
)
from reccl.data.features.tables import encode
from reccl.errors import DataError

TABLE = pl.DataFrame(
    {
        "title": ["star wars", "star trek", "toy story", "alien"],
        "genres": [["space", "war"], ["space"], ["toys"], []],
        "year": [1977, 1979, 1995, None],
        "same": ["x"] * 4,
    }
)
EVERYONE = pl.Series([True] * 4)
SCHEMA = {"title": Text(dimension=2), "year": Bins(number=2)}


def nodes_with_training_rows(data: Dataset, below: int) -> Dataset:
    """Only items of a row number below it are trained on; the rest of their rows is the test."""
    rows = pl.concat([data.train, data.test])
    return replace(data, train=rows.filter(pl.col("item") < below), test=rows.filter(pl.col("item") >= below))


class TestColumns:
    def test_they_are_named_after_what_they_say(self) -> None:
        made = FittedFeatures.fit(TABLE, EVERYONE, SCHEMA)
        genres = ["genres=space", "genres=toys", "genres=war"]
        assert made.columns == ["title~1", "title~2", *genres, "year<1979", "year>=1979"]

    def test_what_no_schema_names_is_inferred_and_null_leaves_out(self) -> None:
        def kinds(schema: dict | None) -> dict[str, str]:
            made = FittedFeatures.fit(TABLE, EVERYONE, schema)
            return dict(made.describe().select("name", "kind").iter_rows())

        assert kinds(None) == kinds({}) == {"genres": "multi_hot", "year": "numeric"}
        assert kinds(SCHEMA) == {"title": "text", "genres": "multi_hot", "year": "bins"}
        assert kinds({"genres": None, "year": None, "title": None, "same": Categorical()}) == {"same": "categorical"}

    def test_lists_of_fractions_are_vectors_and_other_lists_words(self) -> None:
        table = pl.DataFrame({"picture": [[0.5, 1.0], [0.1, 0.2]], "tags": [[1, 2], [2]]})
        picture, tags = FittedFeatures.fit(table, pl.Series([True] * 2)).features
        assert picture.settings == Vector()
        assert tags.settings == MultiHot()
        assert tags.columns == ["tags=1", "tags=2"]

    def test_a_column_that_is_not_there_gets_the_nearest(self) -> None:
        with pytest.raises(DataError, match="no feature 'titel'; did you mean 'title'"):
            FittedFeatures.fit(TABLE, EVERYONE, {"titel": Text()})
        with pytest.raises(DataError, match="features title asked for, and the data has no such table"):
            FittedFeatures.fit(None, EVERYONE, {"title": Text()})


class TestNewTables:
    def test_columns_may_stand_in_another_order_among_others(self) -> None:
        made = FittedFeatures.fit(TABLE, EVERYONE, SCHEMA)
        other = TABLE.select("year", user=1, title="title", genres="genres")
        assert torch.equal(made.transform(other), made.transform(TABLE))

    def test_a_column_that_is_gone_is_missing_everywhere(self) -> None:
        made = FittedFeatures.fit(TABLE, EVERYONE, SCHEMA)
        expected = made.transform(TABLE)
        expected[:, :2] = 0
        assert torch.equal(made.transform(TABLE.drop("title")), expected)

    def test_a_table_with_none_of_the_columns_is_refused(self) -> None:
        made = FittedFeatures.fit(TABLE, EVERYONE, SCHEMA)
        for use in (made.transform, made.encode):
            with pytest.raises(DataError, match="the table has none of the features genres, title, year; it has name"):
                use(pl.DataFrame({"name": ["a"]}))

    def test_no_row_and_no_feature_have_their_shape(self) -> None:
        assert FittedFeatures.fit(TABLE, EVERYONE, SCHEMA).transform(TABLE.clear()).shape == (0, 7)
        assert FittedFeatures.fit(None, EVERYONE).transform(TABLE).shape == (4, 0)
        assert FittedFeatures.fit(None, EVERYONE).columns == []


class TestDescription:
    def test_it_is_that_of_the_trained_rows(self) -> None:
        rows = FittedFeatures.fit(TABLE, pl.Series([False, True, True, True]), SCHEMA).describe().rows()
        assert rows == [
            ("title", "text", 2, 0.0, 5, "star trek"),
            ("genres", "multi_hot", 2, pytest.approx(1 / 3), 2, "space"),
            ("year", "bins", 2, pytest.approx(1 / 3), None, "1979"),
        ]

    def test_an_example_is_short(self) -> None:
        table = pl.DataFrame({"plot": ["word " * 100, "b"]})
        (example,) = FittedFeatures.fit(table, pl.Series([True] * 2), {"plot": Text()}).describe()["example"]
        assert example.endswith("...")
        assert len(example) == 40


class TestState:
    def test_it_is_json_and_tensors_and_another_format_is_refused(self) -> None:
        made = FittedFeatures.fit(TABLE, EVERYONE, SCHEMA)
        values, tensors = made.to_state()
        again = FittedFeatures.from_state(json.loads(json.dumps(values)), tensors)
        assert torch.equal(again.transform(TABLE), made.transform(TABLE))
        assert [feature.settings for feature in again.features] == [feature.settings for feature in made.features]
        with pytest.raises(DataError, match="saved features have format 0, not 1"):
            FittedFeatures.from_state({**values, "format": 0}, tensors)

    def test_ten_features_and_more_keep_their_own_tensors(self) -> None:
        table = pl.DataFrame({f"n{place}": [float(place), 2.0 * place + 1] for place in range(12)})
        schema = {name: Numeric(scaling="quantile") for name in table.columns}
        made = FittedFeatures.fit(table, pl.Series([True] * 2), schema)
        assert torch.equal(FittedFeatures.from_state(*made.to_state()).transform(table), made.transform(table))


class TestLeaks:
    SCHEMA = FeatureSchema(
        users={"group": Categorical(min_count=2), "size": Numeric(scaling="quantile")},
        items={"size": Bins(), "group": Text(), "tags": MultiHot(min_count=2)},
    )

    def test_what_cold_items_say_changes_nothing(self, planted_dataset: Dataset) -> None:
        data = replace(nodes_with_training_rows(planted_dataset, 60), features=self.SCHEMA)
        cold = pl.int_range(pl.len()) >= 60
        lies = {"size": pl.lit(1e9), "group": pl.lit("lie"), "tags": pl.lit(["lie", "g1"])}
        table = data.item_table.with_columns(
            pl.when(cold).then(lie).otherwise(name).alias(name) for name, lie in lies.items()
        )
        before, after = data.build_feature_tables(), replace(data, item_table=table).build_feature_tables()
        assert not table.equals(data.item_table)
        (values, tensors), (other, other_tensors) = (tables.fit("items").to_state() for tables in (before, after))
        assert values == other
        assert all(torch.equal(tensor, other_tensors[name]) for name, tensor in tensors.items())
        assert torch.equal(before.transform("items")[:60], after.transform("items")[:60])
        assert not torch.equal(before.transform("items")[60:], after.transform("items")[60:])

    def test_other_test_interactions_change_nothing(self, planted_dataset: Dataset) -> None:
        data = replace(nodes_with_training_rows(planted_dataset, 60), features=self.SCHEMA)
        held = data.test.with_columns(item=119 - pl.col("item"), user=199 - pl.col("user"))
        other = replace(data, test=held, validation=held)
        for side in ("users", "items"):
            assert torch.equal(
                data.build_feature_tables().transform(side), other.build_feature_tables().transform(side)
            )

    def test_a_training_row_more_does(self, planted_dataset: Dataset) -> None:
        few, more = (nodes_with_training_rows(planted_dataset, number) for number in (30, 90))
        assert few.build_feature_tables().fit("items").to_state() != more.build_feature_tables().fit("items").to_state()


class TestTables:
    def test_the_matrix_has_a_row_for_every_node(self, planted_dataset: Dataset) -> None:
        tables = planted_dataset.build_feature_tables()
        fitted = tables.fit("users")
        assert tables.transform("users").shape == (200, len(fitted.columns))
        assert torch.equal(tables.transform("users", fitted), fitted.transform(planted_dataset.user_table))
        bare = replace(planted_dataset, user_table=None).build_feature_tables()
        assert bare.transform("users").shape == (200, 0)

    def test_refitting_keeps_the_schema(self, planted_dataset: Dataset) -> None:
        data = replace(planted_dataset, features=TestLeaks.SCHEMA)
        assert data.merge_validation().build_feature_tables().schema == TestLeaks.SCHEMA

    def test_encoders_get_the_kinds_of_the_schema_but_no_column_more(self) -> None:
        made = encode(TABLE, EVERYONE, None, SCHEMA)
        assert made.categories.keys() == {"year"}  # bins; the title is mostly unique, and not asked for by name
        assert made.lists.keys() == {"genres"}
        assert made.numbers is None
        assert encode(TABLE, EVERYONE, ("title", "same"), SCHEMA).numbers.shape == (4, 2)
        assert encode(TABLE, EVERYONE, None, {"genres": None}).lists == {}
