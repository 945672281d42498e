"""Ids come back as they came: value and type; what cannot is refused in one line, or said."""

from datetime import date, datetime, time, timedelta
from decimal import Decimal
from pathlib import Path
from uuid import UUID

import polars as pl
import pytest

import reccl
from reccl.data.dataset import Dataset
from reccl.errors import DataError

INTEGERS = [pl.Int8, pl.Int16, pl.Int32, pl.Int64, pl.UInt8, pl.UInt16, pl.UInt32, pl.UInt64]
WIDEST = {pl.Int8: 2**7, pl.Int16: 2**15, pl.Int32: 2**31, pl.Int64: 2**63}
POPULARITY = {
    "name": "ids",
    "scorer": {"kind": "popularity"},
    "evaluation": {"cutoffs": [2]},
    "training": {"metric": "ndcg_at_2"},
}


def written(tmp_path: Path, ids: pl.Series) -> Dataset:
    """The ids as users and, the other way round, as items of a Parquet file."""
    table = pl.DataFrame({"user": pl.concat([ids, ids]), "item": pl.concat([ids, ids.reverse()])})
    table.write_parquet(tmp_path / "rows.parquet")
    return Dataset.from_frame(tmp_path / "rows.parquet", split={"kind": "random_global", "test": 0.2})


@pytest.mark.parametrize("dtype", INTEGERS, ids=str)
def test_whole_numbers_of_every_width(tmp_path: Path, dtype: pl.DataType) -> None:
    top = WIDEST.get(dtype) or 2 ** {pl.UInt8: 8, pl.UInt16: 16, pl.UInt32: 32, pl.UInt64: 64}[dtype]
    ids = pl.Series([0, 1, 7, top - 2, top - 1], dtype=dtype)
    data = written(tmp_path, ids)
    assert data.user_ids.ids.dtype == data.item_ids.ids.dtype == dtype
    assert data.user_ids.ids.to_list() == ids.to_list()
    data.items.write_parquet(tmp_path / "items.parquet")
    model = reccl.train(POPULARITY, data, progress=False)
    model.save(tmp_path / "model")
    lists = reccl.load(tmp_path / "model").recommend(users=[top - 1, 7], k=2)
    assert (lists["user"].dtype, lists["item"].dtype) == (dtype, dtype)
    assert lists["user"].unique().sort().to_list() == [7, top - 1]


def notes(data: reccl.Dataset) -> list[str]:
    """What is said about the ids, not about how few rows there are."""
    return [note for note in data.notes if "too few to learn from" not in note]


@pytest.mark.parametrize("dtype", [pl.String, pl.Categorical, pl.Enum(["a", "b b", "007", "ü", "1e5"])], ids=str)
def test_text_of_every_kind(tmp_path: Path, dtype: pl.DataType) -> None:
    ids = pl.Series(["a", "b b", "007", "ü", "1e5"], dtype=dtype)
    data = written(tmp_path, ids)
    assert data.user_ids.ids.to_list() == sorted(ids.cast(pl.String))
    assert notes(data) == []


@pytest.mark.parametrize(
    ("ids", "kept", "said"),
    [
        (
            pl.Series([1, 2, 10**12], dtype=pl.Decimal(38, 0)),
            [1, 2, 10**12],
            "scale=0): read as Int64",
        ),
        (pl.Series([Decimal("1.00"), Decimal("20.00")], dtype=pl.Decimal(10, 2)), [1, 20], "read as Int64"),
        (pl.Series([1.0, 2.0, 30.0]), [1, 2, 30], None),
        (pl.Series([b"ann", b"b\xc3\xb6"]), ["ann", "bö"], "Binary: read as text"),
        (pl.Series([1, 2**70], dtype=pl.Int128), ["1", str(2**70)], "Int128: read as text"),
    ],
    ids=["decimal", "decimal with a scale", "float", "bytes", "128 bits"],
)
def test_what_is_kept_in_another_type_is_exact_and_said(
    tmp_path: Path, ids: pl.Series, kept: list[object], said: str | None
) -> None:
    data = written(tmp_path, ids)
    assert data.user_ids.ids.to_list() == kept
    assert [said in note for note in notes(data)] == [True, True] if said else notes(data) == []


@pytest.mark.parametrize(
    ("ids", "told"),
    [
        (
            [UUID(int=2**127 + n).bytes for n in (1, 2)],
            "bytes that are no text (the first: 8000000000000000",
        ),
        ([Decimal("1.5"), Decimal("2")], "no whole numbers below 2^63; write them as text"),
        ([date(2025, 1, 1)], "user holds Date; ids are numbers or text: name another column"),
        ([datetime(2025, 1, 1)], "user holds Datetime"),
        ([time(1)], "user holds Time"),
        ([timedelta(1)], "user holds Duration"),
        ([True, False], "user holds Boolean; ids are numbers or text"),
        ([1.5, 2], "is not a whole number; set ids: string"),
        ([[1]], "user holds List(Int64); ids are numbers or text"),
        ([{"id": 1}], "user holds Struct"),
    ],
    ids=str,
)
def test_what_can_be_no_id_is_refused(tmp_path: Path, ids: list[object], told: str) -> None:
    with pytest.raises(DataError) as refused:
        written(tmp_path, pl.Series(ids))
    assert told in str(refused.value)
    assert "\n" not in str(refused.value)


def test_ids_of_other_types_match_in_features_and_history(tmp_path: Path) -> None:
    orders = pl.DataFrame({"user": pl.Series([1, 2, 3], dtype=pl.UInt16), "item": pl.Series([5, 6, 7], dtype=pl.Int8)})
    items = pl.DataFrame({"item": ["5", "6", "7"], "name": ["a", "b", "c"]})
    for dtype in (pl.String, pl.Int64, pl.Float64, pl.Decimal(9, 2)):
        table = items.cast({"item": pl.Int64}).cast({"item": dtype})
        assert Dataset.from_frame(orders, items=table).items["name"].to_list() == ["a", "b", "c"]
    with pytest.raises(DataError, match=r"item 500 in row . is not a whole number that fits Int8"):
        Dataset.from_frame(orders, items=items.with_columns(item=pl.lit(500)))
