"""A data set numbers what the split keeps, and hands out nothing that is not known yet."""

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from reccl.data.dataset import Dataset, build
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables
from reccl.data.splits import ColdItems, Predefined, RandomGlobal, RandomPerUser
from reccl.errors import DataError

ROWS = {
    "user": ["b", "a", "a", "c", "b", "a"],
    "item": [30, 10, 20, 10, 10, 40],
    "part": ["train", "train", "test", "test", "validation", "train"],
}


def dataset(rows: dict | pl.DataFrame = ROWS, split=None, users=None, items=None) -> Dataset:
    def lazy(table):
        return None if table is None else pl.LazyFrame(table)

    return build(Tables(Funnel.read(pl.LazyFrame(rows)), lazy(users), lazy(items)), split)


def test_raw_ids_become_row_numbers_in_sorted_order_and_go_back() -> None:
    data = dataset()
    assert data.user_ids.ids.to_list() == ["a", "b", "c"]
    assert data.item_ids.ids.to_list() == [10, 20, 30, 40]
    assert set(data.train.rows()) == {(1, 2), (0, 0), (0, 3)}
    raw = zip(data.user_ids.to_ids(data.test["user"]), data.item_ids.to_ids(data.test["item"]), strict=True)
    assert set(raw) == {("a", 20), ("c", 10)}


def test_every_part_comes_back_with_raw_ids() -> None:
    data = dataset()
    assert set(data.to_frame("test").rows()) == {("a", 20), ("c", 10)}
    assert data.to_frame().columns == ["user", "item"]
    assert data.to_frame().height == data.train.height


def test_features_stand_beside_their_ids() -> None:
    items = pl.DataFrame({"item": [20, 10], "title": ["two", "one"]})
    data = dataset(items=items)
    assert data.items.rows() == [(10, "one"), (20, "two"), (30, None), (40, None)]
    assert data.users.to_dict(as_series=False) == {"user": ["a", "b", "c"]}


def test_no_row_is_lost_and_optional_columns_stay(planted: pl.DataFrame, planted_dataset: Dataset) -> None:
    numbered = pl.concat([planted_dataset.part(name) for name in ("train", "validation", "test")])
    raw = numbered.with_columns(
        planted_dataset.user_ids.to_ids(numbered["user"]), planted_dataset.item_ids.to_ids(numbered["item"])
    )
    assert_frame_equal(raw, planted, check_row_order=False)


def test_numbers_do_not_depend_on_the_order_of_the_rows(planted: pl.DataFrame) -> None:
    first, second = (dataset(planted.sample(fraction=1, shuffle=True, seed=seed)) for seed in (1, 2))
    for part in ("train", "validation", "test"):
        assert_frame_equal(first.part(part), second.part(part))


def test_files_that_name_parts_are_taken_at_their_word_unless_a_split_is_given() -> None:
    assert dataset().summary()["test"] == 2
    assert dataset(split=Predefined()).test.equals(dataset().test)
    assert dataset(split=RandomGlobal(test=0.5, validation=0)).summary()["test"] == 3
    plain = {name: ROWS[name] for name in ("user", "item")}
    assert dataset(plain).train.equals(dataset(plain, RandomPerUser()).train)


def test_what_is_known_before_a_part_is_all_that_came_before_it(planted_dataset: Dataset) -> None:
    assert planted_dataset.known_before("validation").equals(planted_dataset.train)
    known = planted_dataset.known_before("test")
    assert known.height == planted_dataset.train.height + planted_dataset.validation.height
    assert known.join(planted_dataset.test, on=["user", "item"]).is_empty()


def test_cold_rows_stay_or_go_as_the_split_says_and_are_counted() -> None:
    assert dataset().summary()["cold_users"] == 1
    assert dataset().summary()["cold_items"] == 1
    warm = dataset(split=Predefined(keep_cold=False))
    assert warm.user_ids.ids.to_list() == ["a", "b"]
    assert warm.item_ids.ids.to_list() == [10, 30, 40]
    assert (warm.test.height, warm.validation.height, warm.train.height) == (0, 1, 3)
    assert [(count.step, count.rows) for count in warm.counts] == [
        ("read", 6),
        ("user has training rows", 5),
        ("item has training rows", 4),
    ]


def test_without_cold_rows_every_held_out_node_is_trained_on(planted: pl.DataFrame) -> None:
    data = dataset(planted, ColdItems(keep_cold=False))
    for side in ("user", "item"):
        for part in (data.validation, data.test):
            assert set(part[side]) <= set(data.train[side])
    assert data.summary()["cold_items"] == 0


def test_summary_counts_sizes_and_density(planted_dataset: Dataset) -> None:
    size = planted_dataset.summary()
    assert (size["users"], size["items"], size["train"], size["test"]) == (200, 120, 2600, 800)
    assert size["density"] == pytest.approx(2600 / 200 / 120)


def test_refit_gives_validation_rows_to_train_and_leaves_test_alone(planted_dataset: Dataset) -> None:
    whole = planted_dataset.merge_validation()
    assert_frame_equal(whole.train, pl.concat([planted_dataset.train, planted_dataset.validation]))
    assert whole.validation.is_empty()
    assert whole.test.equals(planted_dataset.test)
    assert whole.known_before("test").height == whole.train.height


def test_features_stand_in_row_order_with_null_where_unknown() -> None:
    data = dataset(items={"item": [40, 99, 10, 40], "genre": ["west", "none", "drama", "twice"]})
    assert data.item_table is not None
    assert data.item_table.to_dict(as_series=False) == {"genre": ["drama", None, None, "west"]}
    assert data.user_table is None


def test_the_planted_features_are_those_of_the_planted_ids(
    planted_dataset: Dataset, planted_items: pl.DataFrame
) -> None:
    assert planted_dataset.item_table is not None
    assert planted_dataset.item_table["size"].to_list() == planted_items.sort("item")["size"].to_list()


def test_a_pipeline_that_leaves_nothing_names_the_step_that_did() -> None:
    funnel = Funnel.read(pl.LazyFrame(ROWS)).then("from the moon", lambda frame: frame.filter(pl.col("item") > 99))
    with pytest.raises(DataError, match=r"step 'from the moon' left no rows \(6 read -> 0 from the moon\)"):
        build(Tables(funnel), None)
