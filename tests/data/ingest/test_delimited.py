"""Every line of a text file becomes a row, or an error that names it; quotation marks mean what all lines tell."""

import bz2
import csv
import gzip
import lzma
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from reccl.data.ingest import delimited
from reccl.data.ingest.delimited import Dialect, scan_delimited
from reccl.data.ingest.files import read_table
from reccl.data.ingest.table_files import find_table_files
from reccl.errors import DataError


def read(path: Path, **dialect: object) -> pl.DataFrame:
    return scan_delimited(path, Dialect(**dialect))[0].collect(engine="streaming")


@pytest.fixture
def write(tmp_path: Path):
    def write(text: str, name: str = "a.csv") -> Path:
        (tmp_path / name).write_bytes(text.encode())
        return tmp_path / name

    return write


class TestQuotationMarks:
    @pytest.mark.parametrize("title", ['7" Single', '"Weird" Title', '"Heroes', 'the "end"', '"', '""Heroes""'])
    def test_in_titles_between_tabs_are_text_and_swallow_no_row(self, write, title: str) -> None:
        lines = [f"u{n}\t{title if n % 3 == 0 else 'plain'}\t{n}" for n in range(50)]
        table = read(write("\n".join(["user\ttitle\titem", *lines])), separator="\t")
        assert table.rows() == [tuple(line.split("\t")) for line in lines]

    def test_inside_fields_between_commas_are_text(self, write) -> None:
        assert read(write('user,title,item\n1,7" disk,3\n2,"Heroes,4\n'))["title"].to_list() == ['7" disk', '"Heroes']

    def test_around_fields_are_taken_off(self, write) -> None:
        table = read(write('"user","item"\n"Müller, Anna","it, 3""q"""\nplain,""\n'))
        assert table.rows() == [("Müller, Anna", 'it, 3"q"'), ("plain", None)]

    def test_hold_line_breaks(self, write) -> None:
        table = read(write('user,text,item\n1,"two\r\n\r\nlines, one field",3\n\n2,plain,4\n'))
        assert table.rows() == [("1", "two\n\nlines, one field", "3"), ("2", "plain", "4")]

    def test_around_some_fields_and_inside_others_are_read_as_pythons_csv_does(self, write) -> None:
        path = write('user,title,item\n"Müller, Anna",7" disk,3\n2,"Weird" one,4\n')
        expected = list(csv.reader(path.read_text().splitlines()))
        assert read(path).rows() == [tuple(row) for row in expected[1:]]

    def test_that_are_never_closed_beside_quoted_fields_are_named(self, write) -> None:
        path = write('user,title,item\n"1","a, b",3\n2,"Heroes,4\n3,"c, d",5\n')
        with pytest.raises(DataError, match=r"a\.csv, line 3: a quotation mark opens a field that does not end"):
            read(path)

    @settings(max_examples=60, deadline=None)
    @given(rows=st.lists(st.tuples(*[st.text('a" ,\n', max_size=4)] * 2), min_size=1, max_size=8))
    def test_what_pythons_csv_writes_is_read_back(self, rows: list[tuple[str, str]], tmp_path_factory) -> None:
        path = tmp_path_factory.mktemp("text") / "a.csv"
        with path.open("w", newline="") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows([("user", "item"), *rows])
        expected = [tuple(value.strip() or None for value in row) for row in rows]
        assert [row for row in read(path).rows() if any(row)] == [row for row in expected if any(row)]

    def test_rows_that_python_reads_come_in_batches_of_any_size(self, write, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(delimited, "BATCH", 2)
        path = write("user,item\n" + "".join(f'"{n}\nx",{n}\n' for n in range(7)))
        table, _ = scan_delimited(path, Dialect())
        assert table.select("item").head(5).collect().to_series().to_list() == ["0", "1", "2", "3", "4"]
        assert table.filter(pl.col("item") == "6").collect().rows() == [("6\nx", "6")]


class TestLines:
    @pytest.mark.parametrize("field", ["NULL", "", '""', " "])
    @pytest.mark.parametrize("blank", ["", "\n", " \n"])
    def test_of_missing_values_alone_are_rows_and_blank_ones_are_none(self, write, field: str, blank: str) -> None:
        path = write(f"user,item\n1,2\n{blank}{field},{field}\n{blank}3,4\n{blank}")
        assert read(path).rows() == [("1", "2"), (None, None), ("3", "4")]

    def test_with_too_few_or_too_many_fields_are_named_or_filled(self, write) -> None:
        short, long = write("a,b,c\n1,2,3\n4,5\n", "s.csv"), write('a,b,c\n1,2,3\n"4",5,6,7\n', "l.csv")
        for path, found in ((short, 2), (long, 4)):
            with pytest.raises(DataError, match=rf"{path.name}, line 3 has {found} fields, not 3; mend it, or set"):
                read(path)
        assert read(short, ragged="fill").row(1) == ("4", "5", None)
        assert read(long, ragged="fill").row(1) == ("4", "5", "6")

    def test_that_are_comments_or_blank_are_no_rows(self, write) -> None:
        path = write("# exported\n\nuser,item\n1,2\n\n#,9\n3,4\n\n")
        assert read(path, comment="#").rows() == [("1", "2"), ("3", "4")]
        quoted = write('# exported\n\nuser,item\n1,"2"\n\n#,9\n3,4\n', "b.csv")
        assert read(quoted, comment="#").rows() == [("1", "2"), ("3", "4")]
        with pytest.raises(DataError, match=r"line 3 has 2 fields, not 1; set separator, header or comment"):
            read(path)

    def test_without_a_header_give_numbered_columns_or_those_that_are_named(self, write) -> None:
        path = write("1::7::5\n2::8::4\n", "a.dat")
        assert read(path, separator="::", header=False).to_dict(as_series=False) == {
            "1": ["1", "2"],
            "2": ["7", "8"],
            "3": ["5", "4"],
        }
        named = read(path, separator="::", header=False, columns=("user", "item", "rating"))
        assert named.columns == ["user", "item", "rating"]
        assert read(path, separator="::", columns=("user", "item", "rating")).height == 1
        with pytest.raises(DataError, match=r"columns names 2, and the first line of .* has 3 fields"):
            read(path, separator="::", columns=("user", "item"))

    def test_give_values_without_outer_spaces_and_missing_ones_as_null(self, write) -> None:
        table = read(write("user, item \n u1 ,NULL\n,3\nNaN, 4\n"))
        assert table.columns == ["user", "item"]
        assert table.rows() == [("u1", None), (None, "3"), (None, "4")]

    def test_of_an_empty_file_are_an_error(self, write) -> None:
        with pytest.raises(DataError, match=r"a\.csv is empty; it needs a header line"):
            read(write("\n\n"))

    def test_with_two_columns_of_one_name_are_an_error(self, write) -> None:
        with pytest.raises(DataError, match=r"has 2 columns named 'item'; rename them, or set columns"):
            read(write("user,item,item\n1,2,3\n"))
        assert read(write("user,,item,\n1,2,3,4\n")).columns == ["user", "2", "item", "4"]


class TestEncodings:
    TEXT = "user,item\né,1\n"

    def test_utf_8_with_and_without_its_mark_and_utf_16_are_told(self, tmp_path: Path) -> None:
        for encoding in ("utf-8", "utf-8-sig", "utf-16"):
            (tmp_path / "a.csv").write_bytes(self.TEXT.encode(encoding))
            assert read(tmp_path / "a.csv").to_dict(as_series=False) == {"user": ["é"], "item": ["1"]}

    def test_others_are_named_or_refused(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes(self.TEXT.encode("latin-1"))
        assert read(tmp_path / "a.csv", encoding="latin-1").row(0) == ("é", "1")
        with pytest.raises(DataError, match=r"a\.csv is not utf-8 text; set encoding to the one it has, such"):
            read(tmp_path / "a.csv")
        with pytest.raises(DataError, match=r"a\.csv is not latin-7 text; set encoding"):
            read(tmp_path / "a.csv", encoding="latin-7")

    @pytest.mark.parametrize(("ending", "library"), [(".gz", gzip), (".bz2", bz2), (".xz", lzma)])
    def test_compressed_files_are_read(self, tmp_path: Path, ending: str, library) -> None:
        path = tmp_path / f"a.csv{ending}"
        path.write_bytes(library.compress(self.TEXT.encode()))
        assert read(path).row(0) == ("é", "1")
        path.write_bytes(b"no archive")
        if ending != ".gz":
            with pytest.raises(DataError, match=r"cannot read .*a\.csv"):
                read(path)


def test_a_whole_table_has_types_but_ids_and_codes_stay_text(write) -> None:
    path = write("item,price,zip,new\n7,1,02134,true\n8,2.5,94043,False\n")
    assert read_table(find_table_files(path)).row(0) == (7, 1.0, "02134", True)
    assert read_table(find_table_files(path), ids=("item",)).row(1) == ("8", 2.5, "94043", False)
