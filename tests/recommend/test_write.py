"""A file of recommendations appears whole or not at all, and every tool reads it."""

from collections.abc import Iterator
from pathlib import Path

import duckdb
import pandas as pd
import polars as pl
import pytest

from reccl.errors import RecclError
from reccl.recommend import Model, recommend, write_tables

READERS = {"parquet": pl.read_parquet, "csv": pl.read_csv, "jsonl": pl.read_ndjson}


def tables(model: Model) -> Iterator[pl.DataFrame]:
    """Three tables: known users twice, and unknown ones."""
    for users in (["u001", "u002"], ["u003"], ["zoe"]):
        yield from recommend(model, pl.Series(users), 4)


@pytest.mark.parametrize("form", READERS)
def test_every_format_gives_the_rows_back(model: Model, form: str, tmp_path: Path) -> None:
    path = tmp_path / f"lists.{form}"
    assert write_tables(tables(model), path, form) == 16  # type: ignore[arg-type]
    again, right = READERS[form](path), pl.concat(tables(model))
    assert again.columns == right.columns
    assert again.drop("score").cast({"rank": pl.Int32}).equals(right.drop("score"))
    assert again["score"].to_list() == pytest.approx(right["score"].to_list(), rel=1e-6)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


def test_pandas_polars_and_duckdb_read_the_same_parquet(model: Model, tmp_path: Path) -> None:
    path = tmp_path / "lists.parquet"
    write_tables(tables(model), path, "parquet")
    right = pl.concat(tables(model)).rows()
    assert pl.read_parquet(path).rows() == right
    assert list(pd.read_parquet(path).itertuples(index=False, name=None)) == right
    with duckdb.connect() as connection:
        found = connection.sql(f"select * from '{path}'")
        assert found.fetchall() == right
        assert [str(kind) for kind in found.types] == ["VARCHAR", "BIGINT", "FLOAT", "INTEGER", "VARCHAR"]


@pytest.mark.parametrize("form", READERS)
@pytest.mark.parametrize("failure", [RuntimeError("midway"), KeyboardInterrupt(), OSError(28, "No space left")])
def test_a_failure_midway_leaves_the_older_file_as_it_was(
    model: Model, form: str, failure: BaseException, tmp_path: Path
) -> None:
    path = tmp_path / f"lists.{form}"
    path.write_text("older")

    def broken() -> Iterator[pl.DataFrame]:
        yield next(tables(model))
        raise failure

    with pytest.raises((RuntimeError, KeyboardInterrupt, RecclError)):
        write_tables(broken(), path, form)  # type: ignore[arg-type]
    assert path.read_text() == "older"
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize("form", READERS)
def test_a_folder_that_is_not_there_is_one_clear_line(model: Model, form: str, tmp_path: Path) -> None:
    path = tmp_path / "nowhere" / "lists"
    with pytest.raises(RecclError, match=r"cannot write .*lists: No such file or directory; choose another --out"):
        write_tables(tables(model), path, form)  # type: ignore[arg-type]


def test_no_table_at_all_is_an_empty_file_and_no_error(tmp_path: Path) -> None:
    assert write_tables(iter(()), tmp_path / "lists.csv", "csv") == 0
