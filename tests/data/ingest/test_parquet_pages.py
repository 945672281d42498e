"""Damage to the counts in a Parquet file ends in a line; without the check Polars ends the process."""

from io import BytesIO
from pathlib import Path

import polars as pl
import pytest
from pyarrow import parquet

from reccl.data.ingest.files import scan
from reccl.data.ingest.parquet_pages import check_pages
from reccl.data.ingest.table_files import TableFiles
from reccl.errors import DataError
from tests.robustness.fuzz_tables import TYPES

TABLE = pl.DataFrame({"user": ["a", "b", None] * 6, "item": [1.5, None, 2.5] * 6})
MINUS_ONE = 1
"""As Thrift's compact protocol writes it."""


def written(table: pl.DataFrame, version: str) -> bytes:
    made = BytesIO()
    if version == "polars":
        table.write_parquet(made)
    else:
        parquet.write_table(table.to_arrow(), made, data_page_version=version)
    return made.getvalue()


@pytest.mark.parametrize("version", ["polars", "1.0", "2.0"])
def test_a_page_that_claims_less_than_nothing_is_an_error(version: str, tmp_path: Path) -> None:
    whole, path, refused = written(TABLE, version), tmp_path / "table.parquet", 0
    for place in range(4, len(whole)):
        path.write_bytes(whole[:place] + bytes([MINUS_ONE]) + whole[place + 1 :])
        try:
            check_pages(path)
        except DataError as error:
            refused += 1
            assert f"{path} is damaged: a page of column" in str(error)
    assert refused >= 2  # a page of each column, at the least


def test_a_scan_looks_at_the_pages_first(tmp_path: Path) -> None:
    whole, path = written(TABLE, "polars"), tmp_path / "table.parquet"
    damaged = None
    for place in range(4, 60):
        path.write_bytes(whole[:place] + bytes([MINUS_ONE]) + whole[place + 1 :])
        try:
            check_pages(path)
        except DataError:
            damaged = place
            break
    assert damaged is not None
    with pytest.raises(DataError, match="is damaged"):
        scan(TableFiles((path,), "parquet", tmp_path))


def test_files_that_are_whole_pass(tmp_path: Path) -> None:
    path = tmp_path / "table.parquet"
    for name, (kind, values) in TYPES.items():
        pl.DataFrame({name: pl.Series([None, *values] * 3, dtype=kind, strict=False)}).write_parquet(path)
        check_pages(path)
    long = pl.DataFrame({"user": pl.int_range(300_000, eager=True), "item": pl.int_range(300_000, eager=True) % 7})
    for version in ("1.0", "2.0"):
        parquet.write_table(
            long.to_arrow(), path, data_page_version=version, row_group_size=70_000, data_page_size=4096
        )
        check_pages(path)
    long.head(0).write_parquet(path)
    check_pages(path)


def test_what_is_no_parquet_is_left_to_the_reader(tmp_path: Path) -> None:
    (tmp_path / "table.parquet").write_bytes(b"PAR1 and nothing else")
    check_pages(tmp_path / "table.parquet")
