"""Tables are told by their endings, compressed or not; JSON has every key of every object in its widest type."""

import bz2
import gzip
import json
import lzma
from functools import partial
from pathlib import Path

import polars as pl
import pyarrow
import pytest

from reccl.data.ingest.delimited import Dialect
from reccl.data.ingest.files import read_table, scan_files
from reccl.data.ingest.table_files import NO_VALUE, find_table_files, label
from reccl.errors import DataError

ZSTD = partial(pyarrow.compress, codec="zstd", asbytes=True)
ROWS = pl.DataFrame({"user": ["a", "b"], "item": [1, 2]})
WRITERS = {
    "csv": lambda: ROWS.write_csv().encode(),
    "tsv": lambda: ROWS.write_csv(separator="\t").encode(),
    "jsonl": lambda: ROWS.write_ndjson().encode(),
    "json": lambda: ROWS.write_json().encode(),
}


def read(path: Path) -> pl.DataFrame:
    return read_table(find_table_files(path))


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
        with pytest.raises(DataError, match=r"line 1 is not a JSON object: .*; it is a Python literal: set format"):
            self.read(tmp_path, "{u'user': u'u0'}\n")


def test_files_of_a_folder_may_differ_in_columns_and_types(tmp_path: Path) -> None:
    ROWS.write_parquet(tmp_path / "1.parquet")
    ROWS.select(pl.lit(1).alias("extra"), pl.col("item").cast(pl.Int32), "user").write_parquet(tmp_path / "2.parquet")
    assert read(tmp_path).rows() == [("a", 1, None), ("b", 2, None), ("a", 1, 1), ("b", 2, 1)]


class TestFolders:
    def test_names_of_folders_are_columns(self, tmp_path: Path) -> None:
        for day, country in (("2026-01-01", "de"), ("2026-01-02", "New%20York"), ("2026-01-02", NO_VALUE)):
            folder = tmp_path / f"dt={day}" / f"country={country}" / "shop=7"
            folder.mkdir(parents=True)
            ROWS.head(1).write_parquet(folder / "part-0.parquet")
            (folder / "_SUCCESS").touch()
            (folder / ".part-0.parquet.crc").touch()
        (tmp_path / "_delta_log").mkdir()
        table = read(tmp_path).select("dt", "country", "shop")
        days = [("2026-01-01", "de", 7), ("2026-01-02", "New York", 7), ("2026-01-02", None, 7)]
        assert sorted(table.rows(), key=str) == sorted(days, key=str)

    def test_a_column_of_the_file_itself_wins(self, tmp_path: Path) -> None:
        (tmp_path / "user=x").mkdir()
        ROWS.write_csv(tmp_path / "user=x" / "part-0.csv")
        assert read(tmp_path)["user"].to_list() == ["a", "b"]

    @pytest.mark.parametrize("pattern", ["logs/*.csv", "logs/**/*.csv", "lo*", "logs/day=*", "logs/day=[12]/p*.csv"])
    def test_patterns_are_filled_in(self, tmp_path: Path, pattern: str) -> None:
        for day in (1, 2):
            (tmp_path / "logs" / f"day={day}").mkdir(parents=True)
            ROWS.write_csv(tmp_path / "logs" / f"day={day}" / "part.csv")
        ROWS.write_csv(tmp_path / "logs" / "late.csv")
        found = find_table_files(tmp_path / pattern)
        names = {label(path) for path in found.paths}
        assert names >= ({"late.csv"} if pattern == "logs/*.csv" else {"day=1/part.csv", "day=2/part.csv"})
        if "day=" in pattern:
            assert read(tmp_path / pattern)["day"].to_list() == [1, 1, 2, 2]

    def test_a_file_whose_name_looks_like_a_pattern_is_that_file(self, tmp_path: Path) -> None:
        ROWS.write_csv(tmp_path / "rows[1].csv")
        ROWS.write_ndjson(tmp_path / "rows[1].jsonl")
        assert read(tmp_path / "rows[1].jsonl").height == 2
        assert read(tmp_path / "rows[1].csv").height == 2

    def test_nothing_found_says_what_is_there(self, tmp_path: Path) -> None:
        (tmp_path / "2026" / "01").mkdir(parents=True)
        ROWS.write_csv(tmp_path / "2026" / "01" / "rows.csv")
        with pytest.raises(DataError, match=r"no file matches .*\*\.jsonl; in .* there are: 2026"):
            read(tmp_path / "*.jsonl")
        with pytest.raises(DataError, match=r"some further below, such as .*rows\.csv: write .*/\*\*/\*\.csv"):
            read(tmp_path)

    def test_columns_are_matched_by_name_and_what_differs_is_said(self, tmp_path: Path) -> None:
        (tmp_path / "1.csv").write_text("user,item\na,1\n")
        (tmp_path / "2.csv").write_text("price,item,user\n9,2,b\n")
        (tmp_path / "3.csv").write_text("user,item\n")
        (tmp_path / "4.csv").touch()
        table, notes = scan_files(find_table_files(tmp_path))
        assert table.collect().rows() == [("a", "1", None), ("b", "2", "9")]
        assert notes == (
            "3.csv, 4.csv of 4 files: no rows",
            "column 'price' is only in 2.csv of 3 files; missing elsewhere",
        )
        (tmp_path / "5.csv").write_text("customer,item\na,1\n")
        with pytest.raises(DataError, match=r"5\.csv has no column 'user', which other files beside it have"):
            scan_files(find_table_files(tmp_path), ids=("user", "item"))


def test_rows_that_are_filled_are_counted(tmp_path: Path) -> None:
    texts = {"plain": "a,b,c\n1,2\n1,2,3\n1,2,3,4\n", "quoted": 'a,b,c\n"1",2\n1,2,3\n1,2,"3",4\n'}
    texts["over lines"] = 'a,b,c\n"1\n2",2\n1,2,3\n1,2,3,4\n'
    for name, text in texts.items():
        (tmp_path / f"{name}.csv").write_text(text)
        table, notes = scan_files(find_table_files(tmp_path / f"{name}.csv"), Dialect(ragged="fill"))
        assert table.collect().height == 3
        assert notes == (f"{tmp_path / name}.csv: 2 rows have more or fewer than 3 fields: filled, or cut",)


def test_lines_may_be_python_dicts_where_the_format_says_so(tmp_path: Path) -> None:
    lines = ["{u'user': u'it\\'s', 'hours': 0.5, 'early': False, 'tags': {'b', 'a'}}", "", "{'user': None, 'hours': 2}"]
    (tmp_path / "rows.json.gz").write_bytes(gzip.compress("\n".join(lines).encode()))
    table = read_table(find_table_files(tmp_path / "rows.json.gz", "python"))
    assert table.rows() == [("it's", 0.5, False, ["a", "b"]), (None, 2.0, None, None)]
    (tmp_path / "rows.json").write_text("{'user': 1}\n{'user': open('x')}\n")
    with pytest.raises(DataError, match=r"rows\.json, line 2 is not a Python dict: "):
        read_table(find_table_files(tmp_path / "rows.json", "python"))


class TestNoRowIsLost:
    NUMBER = 5000

    def rows(self, first: int) -> pl.DataFrame:
        numbers = range(first, first + self.NUMBER)
        return pl.DataFrame({"user": [f'u"{n}' for n in numbers], "item": [f"a\n{n}" for n in numbers]})

    @pytest.mark.parametrize("compress", [bytes, gzip.compress, bz2.compress, lzma.compress, ZSTD])
    @pytest.mark.parametrize("kind", ["csv", "jsonl"])
    def test_of_compressed_files_that_were_put_one_behind_the_other(self, tmp_path: Path, kind: str, compress) -> None:
        ending = {bytes: "", gzip.compress: ".gz", bz2.compress: ".bz2", lzma.compress: ".xz"}.get(compress, ".zst")
        first, second = self.rows(0), self.rows(self.NUMBER)
        texts = [first.write_csv(), second.write_csv(include_header=False)]
        texts = texts if kind == "csv" else [first.write_ndjson(), second.write_ndjson()]
        path = tmp_path / f"rows.{kind}{ending}"
        path.write_bytes(b"".join(compress(text.encode()) for text in texts))
        assert read(path).rows() == [*first.rows(), *second.rows()]
        if ending:
            path.write_bytes(path.read_bytes()[:-40])
            with pytest.raises(DataError, match="rows"):
                read(path)

    def test_of_lines_that_end_in_carriage_returns(self, tmp_path: Path) -> None:
        path = tmp_path / "rows.csv"
        path.write_bytes(b"user,item\r\na,1\r\nb,2\r\n")
        assert read(path).rows() == ROWS.rows()
        path.write_bytes(b"user,item\ra,1\rb,2\r")
        with pytest.raises(DataError, match="lines end in a carriage return alone"):
            read(path)

    def test_of_two_objects_on_a_line(self, tmp_path: Path) -> None:
        (tmp_path / "rows.jsonl").write_text('{"user": 1}\n{"user": 2}{"user": 3}\n')
        with pytest.raises(DataError, match=r"line 2 is not a JSON object"):
            read(tmp_path / "rows.jsonl")
