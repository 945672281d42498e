"""Tables are told by their endings, compressed or not; JSON has every key of every object in its widest type."""

import bz2
import gzip
import json
import lzma
from pathlib import Path

import polars as pl
import pytest

from reccl.data.ingest.files import find_table_files, read_table
from reccl.errors import DataError

ROWS = pl.DataFrame({"user": ["a", "b"], "item": [1, 2]})
WRITERS = {
    "csv": lambda: ROWS.write_csv().encode(),
    "tsv": lambda: ROWS.write_csv(separator="\t").encode(),
    "jsonl": lambda: ROWS.write_ndjson().encode(),
    "json": lambda: ROWS.write_json().encode(),
}


def read(path: Path) -> pl.DataFrame:
    return read_table(*find_table_files(path))


@pytest.mark.parametrize("ending", ["", ".gz", ".bz2", ".xz"])
@pytest.mark.parametrize("kind", WRITERS)
def test_the_format_is_told_by_the_ending_under_the_compression(tmp_path: Path, kind: str, ending: str) -> None:
    compress = {"": bytes, ".gz": gzip.compress, ".bz2": bz2.compress, ".xz": lzma.compress}[ending]
    path = tmp_path / f"rows.{kind}{ending}"
    path.write_bytes(compress(WRITERS[kind]()))
    assert read(path).rows() == ROWS.rows()


def test_a_json_file_of_one_object_a_line_is_looked_into(tmp_path: Path) -> None:
    (tmp_path / "rows.json").write_text(ROWS.write_ndjson())
    assert read(tmp_path / "rows.json").rows() == ROWS.rows()


def test_an_unknown_ending_says_what_is_known(tmp_path: Path) -> None:
    (tmp_path / "rows.dat").write_text("user,item\n")
    with pytest.raises(DataError, match=r"cannot tell the format of rows\.dat; name it .*\.csv.* or set format"):
        read(tmp_path / "rows.dat")


class TestJsonLines:
    def read(self, tmp_path: Path, *rows: object) -> pl.DataFrame:
        lines = [row if isinstance(row, str) else f"{json.dumps(row)}\n" for row in rows]
        (tmp_path / "rows.jsonl").write_text("".join(lines))
        return read(tmp_path / "rows.jsonl")

    def test_keys_and_wider_types_that_come_late_are_found(self, tmp_path: Path) -> None:
        early, late = {"user": 1, "rating": 4}, {"user": "x", "rating": 4.5, "at": 9}
        table = self.read(tmp_path, *[early] * 5000, late)
        assert table.schema == {"user": pl.String, "rating": pl.Float64, "at": pl.Int64}
        assert table.row(0) == ("1", 4.0, None)
        assert table.row(-1) == ("x", 4.5, 9)

    def test_a_line_that_is_cut_off_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"rows\.jsonl, line 3 is not a JSON object: '\{\"user\": 1, \"it'; mend"):
            self.read(tmp_path, {"user": 1}, {"user": 2}, '{"user": 1, "it')

    def test_python_literals_say_how_to_convert_them(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"line 1 is not a JSON object: .*; it is a Python literal: convert"):
            self.read(tmp_path, "{u'user': u'u0'}\n")


def test_files_of_a_folder_may_differ_in_columns_and_types(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "1.parquet")
    ROWS.select(pl.lit(1).alias("extra"), pl.col("item").cast(pl.Int32), "user").write_parquet(tmp_path / "2.parquet")
    assert read(tmp_path).rows() == [("a", 1, None), ("b", 2, None), ("a", 1, 1), ("b", 2, 1)]
