"""Tables are read as they come: separators are found, ids stay as they are written, and what is no table is refused."""

from pathlib import Path

import polars as pl
import pytest

from reccl.errors import ConfigError, DataError
from reccl.scaffold import open_table, plan, profile
from reccl.scaffold.features import open_features
from reccl.scaffold.survey import survey


def written(path: Path, text: str) -> Path:
    path.write_text(text)
    return path


class TestTableFile:
    @pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
    def test_the_separator_is_the_one_that_parts_the_header(self, tmp_path: Path, separator: str) -> None:
        table = open_table(written(tmp_path / "a.csv", f"user{separator}item\nu1{separator}i1\n"))
        assert table.separator == (None if separator == "," else separator)
        assert table.sample().rows() == [("u1", "i1")]

    def test_a_file_of_another_suffix_is_text(self, tmp_path: Path) -> None:
        table = open_table(written(tmp_path / "a.dat", "user|item\nu1|i1\n"))
        assert (table.format, table.by_suffix, table.separator) == ("csv", False, "|")

    def test_a_byte_order_mark_is_no_part_of_a_name(self, tmp_path: Path) -> None:
        path = tmp_path / "a.csv"
        path.write_bytes("\ufeffuser,item\nu1,i1\n".encode())
        assert open_table(path).sample().columns == ["user", "item"]

    @pytest.mark.parametrize(
        ("text", "told"),
        [
            ("196,242,3,881250949\n186,302,3,891717742\n", "has no header line: it begins with '196,242,3,881250949'"),
            ("1::1193::5::978300760\n", "is separated by '::'; replace it by a tab"),
            ("", "is empty"),
            ("user\nu1\n", "has one column only"),
        ],
    )
    def test_what_is_no_table_is_told(self, tmp_path: Path, text: str, told: str) -> None:
        with pytest.raises(DataError, match=told):
            open_table(written(tmp_path / "a.csv", text))

    def test_text_in_another_encoding_is_told(self, tmp_path: Path) -> None:
        (tmp_path / "a.csv").write_bytes("user,straße\n".encode("latin-1"))
        with pytest.raises(DataError, match="is not UTF-8 text"):
            open_table(tmp_path / "a.csv")


class TestColumns:
    def test_leading_zeros_make_text(self) -> None:
        column, other = profile(pl.DataFrame({"sku": ["007", "042"], "user": ["7", "42"]}))
        assert (column.kind, column.leading_zeros) == ("text", True)
        assert (other.kind, other.leading_zeros) == ("whole", False)

    @pytest.mark.parametrize(
        ("values", "unit", "span"),
        [
            (["2025-01-31", "2025-12-31"], None, "2025-01-31 to 2025-12-31"),
            (["2025-01-31T10:00:00Z", "2025-02-01 10:00"], None, "2025-01-31 to 2025-02-01"),
            ([1_700_000_000, 1_700_100_000], "s", "2023-11-14 to 2023-11-16"),
            ([1_700_000_000_000, 1_700_100_000_000], "ms", "2023-11-14 to 2023-11-16"),
            (["1700000000000000000", "1700100000000000000"], "ns", "2023-11-14 to 2023-11-16"),
        ],
    )
    def test_the_unit_of_times_is_told_by_their_magnitude(self, values: list[object], unit: str, span: str) -> None:
        (column,) = profile(pl.DataFrame({"at": values}))
        assert column.times is not None
        assert (column.times.unit, column.times.span()) == (unit, span)

    @pytest.mark.parametrize(
        ("values", "form", "ambiguous"),
        [
            (["31.12.2025", "1.2.2025"], "%d.%m.%Y", False),
            (["12/31/2025 8:26", "1/2/2025 18:05"], "%m/%d/%Y %H:%M", False),
            (["31/12/2025 08:26:01"], "%d/%m/%Y %H:%M:%S", False),
            (["1/2/2025"], "%m/%d/%Y", True),
            ([20251231, 20250102], "%Y%m%d", False),
            (["09 13, 2009"], "%m %d, %Y", False),
        ],
    )
    def test_times_in_other_forms_are_read_by_a_pattern(self, values: list[object], form: str, ambiguous: bool) -> None:
        (column,) = profile(pl.DataFrame({"at": values}))
        assert column.times is not None
        assert (column.times.format, column.times.ambiguous) == (form, ambiguous)

    @pytest.mark.parametrize(
        "values", [[1, 2], ["31.13.2025"], ["2025-13-45"], [20251345], [True], [None], [1.5, 2_000_000_000.0]]
    )
    def test_other_values_are_no_times(self, values: list[object]) -> None:
        (column,) = profile(pl.DataFrame({"at": values}))
        assert column.times is None


class TestSurvey:
    def rows(self, tmp_path: Path, frame: pl.DataFrame):
        frame.write_csv(tmp_path / "a.csv")
        table = open_table(tmp_path / "a.csv")
        columns = dict(zip(("user", "item", "timestamp"), profile(table.sample()), strict=False))
        return survey(table, columns)

    def test_users_who_come_again_are_split_by_one_cut_in_time(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"user": [0, 1, 2, 3] * 25, "item": range(100), "at": range(10**9, 10**9 + 100)})
        assert self.rows(tmp_path, frame).split == "temporal"

    def test_users_who_come_once_are_split_each_by_their_last(self, tmp_path: Path) -> None:
        frame = pl.DataFrame(
            {"user": [k // 5 for k in range(100)], "item": range(100), "at": range(10**9, 10**9 + 100)}
        )
        found = self.rows(tmp_path, frame)
        assert (found.known, found.split) == (0.0, "leave_last_out")

    def test_rows_of_one_instant_cannot_be_cut_in_time(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"user": [0, 1] * 50, "item": range(100), "at": [10**9] * 50 + [10**9 + 1] * 50})
        assert self.rows(tmp_path, frame).split == "leave_last_out"

    def test_rows_without_a_time_are_split_at_random(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"user": [0, 1] * 50, "item": range(100), "at": [None, *range(10**9, 10**9 + 99)]})
        assert self.rows(tmp_path, frame).split == "random_per_user"
        assert self.rows(tmp_path, frame.drop("at")).split == "random_per_user"

    def test_ids_that_stop_being_numbers_late_are_text(self, tmp_path: Path) -> None:
        frame = pl.DataFrame({"user": [*map(str, range(1, 10_002)), "A7"], "item": range(10_002)})
        assert self.rows(tmp_path, frame).as_text
        assert not self.rows(tmp_path, frame.head(10_000)).as_text
        assert not self.rows(tmp_path, frame.reverse()).as_text


class TestFeatures:
    def test_the_id_column_is_the_one_that_holds_the_ids(self, tmp_path: Path) -> None:
        path = written(tmp_path / "p.csv", "row,number,item\n1,007,lamp\n2,008,chair\n")
        features = open_features(path, pl.Series(["007", "008", "009"]), "sku")
        assert (features.id_column, features.why) == ("number", "holds 67% of the ids of sku")

    def test_a_table_of_other_ids_is_refused(self, tmp_path: Path) -> None:
        path = written(tmp_path / "p.csv", "sku,title\n7,lamp\n")
        with pytest.raises(
            DataError, match=r"no column of .*p.csv holds ids of sku such as 007; its columns are sku, t"
        ):
            open_features(path, pl.Series(["007"]), "sku")

    def test_every_column_gets_the_kind_that_its_values_have(self, tmp_path: Path) -> None:
        n = 40
        frame = pl.DataFrame(
            {
                "sku": range(n),
                "title": [f"lamp number {k}" for k in range(n)],
                "brand": [f"b{k % 4}" for k in range(n)],
                "genres": [f"g{k % 4}|g{k % 5}" for k in range(n)],
                "released": [f"2025-01-{1 + k % 28:02}" for k in range(n)],
                "price": [1.0 + k % 7 for k in range(n - 1)] + [900.0],
                "weight": [1.0 + k % 7 for k in range(n)],
                "category_id": [k % 3 for k in range(n)],
                "used": [k % 2 == 0 for k in range(n)],
                "picture": [f"/pictures/{k}.png" for k in range(n)],
                "currency": ["EUR"] * n,
                "tags": [["a", "b"][: k % 3] for k in range(n)],
                "vector": [[0.1, 0.2]] * n,
            }
        )
        frame.write_parquet(tmp_path / "p.parquet")
        features = open_features(tmp_path / "p.parquet", pl.Series([1, 2]), "sku")
        assert {each.column: each.kind for each in features.found} == {
            "title": "{kind: text}",
            "brand": "{kind: categorical}",
            "genres": "{kind: multi_hot}",
            "released": "{kind: date}",
            "price": "{kind: numeric, scaling: quantile}",
            "weight": "{kind: numeric}",
            "category_id": "{kind: categorical}",
            "used": "{kind: categorical}",
            "picture": None,
            "currency": None,
            "tags": "{kind: multi_hot}",
            "vector": "{kind: vector}",
        }

    def test_files_that_one_config_cannot_read_together_are_refused(self, tmp_path: Path) -> None:
        orders = open_table(written(tmp_path / "o.csv", "user,item\nu1,i1\nu2,i1\n"))
        products = written(tmp_path / "p.csv", "item;title\ni1;lamp\n")
        columns = {column.name: column for column in profile(orders.sample())}
        with pytest.raises(ConfigError, match=r"p.csv is csv separated by ';', and .*o.csv is csv: save one of them"):
            plan(orders, {"user": columns["user"], "item": columns["item"]}, items=products)
