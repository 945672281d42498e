"""Random tables: no row is lost uncounted, compared with what Python's csv and json read; or one line says why not."""

from io import BytesIO
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from reccl.data.ingest.delimited import Dialect
from reccl.data.ingest.failures import READING, give_reason
from reccl.data.ingest.interactions import RawTable, interactions_to_tables
from reccl.errors import DataError
from tests.robustness.fuzz_configs import change_bytes
from tests.robustness.fuzz_tables import (
    TextTable,
    count_objects,
    json_lines,
    read_readings,
    text_tables,
    tidy,
    typed_tables,
)
from tests.robustness.fuzzing import cases, ends_well, few


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files lie that are read."""
    return tmp_path_factory.mktemp("tables")


def run_funnel(table: RawTable, options: dict[str, Any]) -> tuple[pl.DataFrame, dict[str, int]]:
    """The rows that are left, and the counts by step; as `run_pipeline` does, errors of polars are told in a line."""
    try:
        rows, counts = interactions_to_tables(table, **options).interactions.collect()
    except READING as error:
        raise DataError(give_reason(error)) from error
    return rows, {count.step.partition(":")[0]: count.rows for count in counts}


def read_text(path: Path, table: TextTable) -> None:
    """Every row is what Python reads; what is left of them is as many as have ids, each pair once."""
    path.write_bytes(table.content)
    dialect = Dialect(table.separator, table.encoding, ragged=table.ragged)  # type: ignore[arg-type]
    raw = RawTable.from_files(path, "csv", dialect)
    read, _ = ends_well("text tables", lambda: raw.scan(("user", "item"))[0].collect())
    readings = read_readings(table)
    if read is None:
        return
    rows = [tuple(map(tidy, row)) for row in read.rows()]
    assert any(rows == reading[1:] for reading in readings), (rows, readings)
    made, _ = ends_well("tables of interactions", lambda: run_funnel(raw, table.options))
    if made is not None:
        left, counts = made
        assert counts["read"] == len(rows)
        users, items = read["user"].to_list(), read["item"].to_list()
        named = [pair for pair in zip(users, items, strict=True) if all(map(tidy, pair))]
        assert counts["nulls"] == len(named)
        assert left.height <= len(set(named))


def read_json(path: Path, content: bytes) -> None:
    """As many rows as objects."""
    path.write_bytes(content)
    raw = RawTable.from_files(path, "jsonl")
    made, _ = ends_well("JSON tables", lambda: run_funnel(raw, {}))
    if made is not None:
        assert made[1]["read"] == count_objects(content)


def read_typed(path: Path, content: bytes, kind: str) -> None:
    """As many rows as there are, and of those that are left none without an id."""
    path.write_bytes(content)
    reader = pl.read_parquet if kind == "parquet" else pl.read_ipc
    made, _ = ends_well("typed tables", lambda: run_funnel(RawTable.from_files(path, kind), {}))  # type: ignore[arg-type]
    if made is not None:
        rows, counts = made
        try:
            whole = reader(path)
        except READING:  # in a column that is not read, or by another engine
            return
        assert counts["read"] == whole.height
        assert rows.null_count().select("user", "item").row(0) == (0, 0)
        assert not any(dtype.is_float() or dtype.is_nested() for dtype in rows.select("user", "item").dtypes)
        known = [pl.col(name).is_not_null() for name in ("user", "item")]
        known += [pl.col(name).is_not_nan() for name in ("user", "item") if whole.schema[name].is_float()]
        assert counts["nulls"] == whole.filter(known).height


@st.composite
def typed_files(draw: st.DrawFn) -> tuple[bytes, str]:
    """A Parquet or Arrow file, now and then damaged."""
    table, kind, made = draw(typed_tables()), draw(st.sampled_from(["parquet", "arrow"])), BytesIO()
    table.write_parquet(made) if kind == "parquet" else table.write_ipc(made)
    content = made.getvalue()
    return (change_bytes(draw, content) if draw(st.integers(0, 3)) == 0 else content), kind


@few
@given(text_tables())
def test_a_random_text_table_loses_no_row(folder: Path, table: TextTable) -> None:
    read_text(folder / "table.csv", table)


@few
@given(json_lines())
def test_random_json_loses_no_row(folder: Path, content: bytes) -> None:
    read_json(folder / "table.jsonl", content)


@few
@given(typed_files())
def test_a_random_parquet_or_arrow_table_loses_no_row(folder: Path, file: tuple[bytes, str]) -> None:
    read_typed(folder / f"table.{file[1]}", *file)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(12_000)
@given(text_tables())
def test_many_random_text_tables(folder: Path, table: TextTable) -> None:
    read_text(folder / "table.csv", table)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(6_000)
@given(json_lines())
def test_many_random_json_tables(folder: Path, content: bytes) -> None:
    read_json(folder / "table.jsonl", content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(6_000)
@given(typed_files())
def test_many_random_typed_tables(folder: Path, file: tuple[bytes, str]) -> None:
    read_typed(folder / f"table.{file[1]}", *file)
