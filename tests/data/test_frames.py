"""A table in memory becomes the data set that the same table in a file becomes, and says so again from its config."""

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
import yaml
from polars.testing import assert_frame_equal

from reccl.data.dataset import Dataset
from reccl.data.prepare import keep, load_dataset, prepare
from reccl.data.settings import validate_data
from reccl.data.splits import LeaveLastOut, Temporal
from reccl.errors import ConfigError, DataError

ORDERS = pl.DataFrame(
    {
        "customer": ["ann", "ann", "ann", "bo", "bo", "cy"],
        "sku": [7, 8, 9, 7, 9, 8],
        "at": [60, 120, 180, 240, 300, 360],
        "stars": [5.0, 4.0, 1.0, 3.0, 5.0, None],
        "note": ["x", "y", "z", "x", "y", "z"],
    }
)
GOODS = pl.DataFrame({"sku": [7, 8, 9], "color": ["red", "red", "blue"]})
NAMES = {"user": "customer", "item": "sku", "timestamp": "at"}


@pytest.fixture(autouse=True)
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


def from_frame(table: object = ORDERS, **keys: object) -> Dataset:
    return Dataset.from_frame(table, **{**NAMES, "split": LeaveLastOut(), **keys})


def assert_same(one: Dataset, other: Dataset) -> None:
    assert one.fingerprint == other.fingerprint
    for part in ("train", "validation", "test"):
        assert_frame_equal(one.part(part), other.part(part))


@pytest.mark.parametrize(
    "convert",
    [pl.DataFrame.lazy, pl.DataFrame.to_pandas, pl.DataFrame.to_arrow],
    ids=["lazy", "pandas", "pyarrow"],
)
def test_every_kind_of_table_becomes_the_same_data_set(convert) -> None:
    assert isinstance(convert(ORDERS), pl.LazyFrame | pd.DataFrame | pa.Table)
    made = from_frame(convert(ORDERS), rating="stars", items=convert(GOODS))
    assert_same(made, from_frame(rating="stars", items=GOODS))
    assert made.train.columns == ["user", "item", "rating", "timestamp"]
    assert made.item_table.to_dict(as_series=False) == {"color": ["red", "red", "blue"]}


@pytest.mark.parametrize("name", ["orders.csv", "orders.parquet"])
def test_a_path_becomes_the_same_data_set_and_needs_no_frame_again(name: str, tmp_path: Path) -> None:
    ORDERS.write_csv(tmp_path / name) if name.endswith("csv") else ORDERS.write_parquet(tmp_path / name)
    GOODS.write_csv(tmp_path / "goods.csv")
    made = from_frame(tmp_path / name, items=str(tmp_path / "goods.csv"))
    assert_same(made, from_frame(items=GOODS))
    assert_same(made, from_frame(items=tmp_path / "goods.csv"))  # a frame beside a file
    assert made.settings.pipeline == "table"
    assert_same(made, prepare(validate_data(made.settings.model_dump(mode="json"))))


def test_the_arguments_of_the_table_pipeline_are_arguments_here() -> None:
    made = from_frame(rating="stars", minimum_rating=3, user_core=2)
    assert made.user_ids.ids.to_list() == ["ann", "bo"]
    assert [count.step for count in made.counts][-2:] == ["duplicates: last", "core of 2 a user, 0 an item"]
    parts = ORDERS.with_columns(pl.lit("train").alias("fold"))
    assert from_frame(parts, part="fold", split=None).settings.arguments()["part"] == "fold"


def test_whole_floats_are_ids_as_pandas_makes_them_where_some_are_missing() -> None:
    table = pd.DataFrame({"user": [1.0, 2.0, None, 2.0], "item": [10, 10, 20, 20]})
    made = Dataset.from_frame(table)
    assert made.user_ids.ids.to_list() == [1, 2]
    with pytest.raises(DataError, match=r"user 1.5 in row 1 .* is not a whole number; set ids: string"):
        Dataset.from_frame(pd.DataFrame({"user": [1.5], "item": [1]}))


def test_only_the_columns_that_are_read_count_and_none_else_need_be_readable() -> None:
    made = from_frame(ORDERS.drop("note", "stars"))
    mixed = ORDERS.to_pandas()
    mixed["note"] = [object(), 1, "a", None, 2.0, b"x"]
    assert_same(from_frame(mixed), made)
    record = from_frame(mixed).settings.model_dump(mode="json")["interactions"]
    assert record == made.settings.model_dump(mode="json")["interactions"]
    assert (record["rows"], record["columns"]) == (6, ["customer", "sku", "at"])


@pytest.mark.parametrize(
    ("keys", "error", "told"),
    [
        ({"user": "custmer"}, DataError, "the table of interactions has no column 'custmer'; did you mean 'customer'?"),
        (
            {"items": GOODS, "items_id": "skus"},
            DataError,
            "the table of items has no column 'skus'; did you mean 'sku'?",
        ),
        ({"minimum_ratin": 3}, ConfigError, "unknown key 'minimum_ratin'; did you mean 'minimum_rating'?"),
        ({"split": {"kind": "temporl"}}, ConfigError, "unknown kind 'temporl'; did you mean 'temporal'?"),
        ({"features": {"items": {"color": {"kind": "bins"}}}}, ConfigError, "this data has no table of items"),
        ({"minimum_rating": 3}, DataError, "minimum_rating: 3.0 needs a rating"),
        ({"split": Temporal(test="1960-01-01")}, DataError, "the split leaves no training row of 6"),
        ({"user_core": 9}, DataError, "step 'core of 9 a user, 0 an item' left no rows"),
    ],
)
def test_a_mistake_is_one_clear_line(keys: dict, error: type[Exception], told: str) -> None:
    with pytest.raises(error) as caught:
        from_frame(**keys)
    assert told in str(caught.value)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("table", [[1, 2], {"user": [1]}, 5])
def test_what_is_no_table_is_refused(table: object) -> None:
    with pytest.raises(DataError, match="needs a polars, pandas or pyarrow table, or a file's path, not"):
        from_frame(table)
    with pytest.raises(ConfigError, match=r"interactions: needs a polars, pandas or pyarrow table"):
        validate_data({"pipeline": "frame", "interactions": table})


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no file or folder .*orders\.csv"):
        from_frame(tmp_path / "orders.csv")


class TestAWrittenConfig:
    def test_keeps_the_hash_of_the_content_and_not_the_table(self) -> None:
        dumped = yaml.safe_load(yaml.safe_dump(from_frame(items=GOODS).settings.model_dump(mode="json")))
        assert set(dumped["interactions"]) == {"fingerprint", "rows", "columns"}
        again = validate_data(dumped)
        assert again == from_frame(items=GOODS).settings
        assert again.model_dump(mode="json") == dumped
        other = from_frame(ORDERS.with_columns(pl.col("sku") + 1)).settings.model_dump(mode="json")
        assert other["interactions"]["fingerprint"] != dumped["interactions"]["fingerprint"]

    def test_says_to_pass_the_frame_again(self) -> None:
        again = validate_data(from_frame().settings.model_dump(mode="json"))
        with pytest.raises(ConfigError) as error:
            prepare(again)
        assert str(error.value) == (
            "this run was trained on a frame in memory (6 rows with the columns customer, sku, at); "
            "pass the frame again: reccl.Dataset.from_frame(...)"
        )

    def test_finds_what_was_kept_without_the_frame(self) -> None:
        made = from_frame()
        keep(made)
        again = prepare(validate_data(made.settings.model_dump(mode="json")))
        assert_same(again, made)
        assert again.settings == made.settings

    def test_a_section_with_a_frame_prepares_like_any_other(self) -> None:
        section = validate_data(
            {"pipeline": "frame", "interactions": ORDERS, **NAMES, "split": {"kind": "leave_last_out"}}
        )
        assert_same(prepare(section), from_frame())


class TestNamedDataSets:
    @pytest.fixture(autouse=True)
    def here(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
        monkeypatch.chdir(tmp_path)
        ORDERS.write_csv("orders.csv")
        section = {"pipeline": "table", "interactions": "orders.csv", **NAMES, "split": {"kind": "leave_last_out"}}
        (tmp_path / "configs" / "data").mkdir(parents=True)
        (tmp_path / "configs" / "data" / "shop.yaml").write_text(yaml.safe_dump(section))
        (tmp_path / "whole.yaml").write_text(yaml.safe_dump({"name": "shop", "data": section, "seed": 1}))
        (tmp_path / "named.yaml").write_text("name: shop\ndata: shop\n")
        (tmp_path / "none.yaml").write_text("name: shop\n")
        return tmp_path

    @pytest.mark.parametrize("name", ["shop", "configs/data/shop.yaml", "whole.yaml", "named", Path("whole.yaml")])
    def test_a_name_a_section_and_a_config_are_the_same_data(self, name: str | Path) -> None:
        assert_same(load_dataset(name), from_frame())

    def test_keys_stand_in_place_of_those_of_the_file(self) -> None:
        assert load_dataset("shop", split=Temporal(test=0.5)).test.height == 3
        assert load_dataset("shop", user_core=2).summary()["users"] == 2

    @pytest.mark.parametrize(
        ("name", "keys", "told"),
        [
            ("shp", {}, "no data set 'shp'; did you mean 'shop'?"),
            ("none.yaml", {}, "none.yaml has no data section"),
            ("shop", {"user_cor": 2}, "load_dataset('shop'): unknown key 'user_cor'; did you mean 'user_core'"),
            ("shop", {"duplicates": "best"}, "load_dataset('shop'): duplicates: input should be"),
        ],
    )
    def test_a_mistake_is_one_clear_line(self, name: str, keys: dict, told: str) -> None:
        with pytest.raises(ConfigError) as error:
            load_dataset(name, **keys)
        assert told in str(error.value)
        assert "\n" not in str(error.value)
