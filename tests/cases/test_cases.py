"""Files in the shape of public ones: a test for each kind, named after it, by the commands that a shop would type.

Inputs are made up here. RECCL_CASES may name a folder of such kinds: each of its folders must have a test below.
"""

import csv
import gzip
import json
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from pathlib import Path

import polars as pl
import pyarrow as pa
import pytest

from tests.cli.conftest import Answer, Shop

KINDS = (
    "boolean-liked",
    "columns-taken-by-name",
    "email-user-ids",
    "gz",
    "ids-dirty",
    "int-then-float",
    "jsonl-late-keys",
    "set-values-as-yaml",
    "tsv-quotes",
    "users-file-leading-zeros",
)
NO_KINDS = ("smoke",)
"""Folders of inputs that other kinds begin with."""
PAIRS = [(f"u{user}", f"i{(user * 3 + step) % 9}") for user in range(12) for step in range(5)]
"""Twelve users, five items each."""


def test_every_kind_has_its_test() -> None:
    folder = os.environ.get("RECCL_CASES")
    there = {path.name for path in Path(folder).iterdir() if path.is_dir()} if folder else set()
    kinds = (set(KINDS) | there) - set(NO_KINDS)
    missing = {kind for kind in kinds if "Test" + kind.title().replace("-", "") not in globals()}
    assert not missing


@dataclass(frozen=True)
class Folder(Shop):
    """A folder of one's own; all of them share a run store, which takes seconds to make."""

    store: str

    def __call__(self, *words: object, environment: Mapping[str, str] | None = None) -> Answer:
        """Run `reccl WORDS` here."""
        return super().__call__(*words, environment={"MLFLOW_TRACKING_URI": self.store, **(environment or {})})


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> str:
    """The address of the run store."""
    return f"sqlite:///{tmp_path_factory.mktemp('store')}/mlflow.db"


@pytest.fixture
def shop(tmp_path: Path, store: str) -> Shop:
    """An empty folder."""
    return Folder(tmp_path, store)


def read(shop: Shop, file: str, *sets: str) -> Answer:
    """What is said of a file as a config with these settings reads it."""
    return shop("data", "describe", *options(file, sets))


def train(shop: Shop, file: str, *sets: str) -> Answer:
    """Popularity on a file: nothing but reading it takes time."""
    return shop("train", "--no-plots", *options(file, sets))


def options(file: str, sets: Iterable[str]) -> list[str]:
    """A config of popularity, with the settings of its data."""
    pairs = (("--set", each) for each in ("data.pipeline=table", f"data.interactions={file}", *sets))
    return ["--config", "methods/popularity.yaml", *chain.from_iterable(pairs)]


def rows_of(answer: Answer) -> tuple[int, int]:
    """How many rows were read, and how many are left."""
    assert answer.code == 0, answer.err
    counts = re.findall(r"([\d,]+) (?:read|nulls|rating|duplicates)", answer.err.partition("rows: ")[2].splitlines()[0])
    return int(counts[0].replace(",", "")), int(counts[-1].replace(",", ""))


def users_of(shop: Shop) -> set[str]:
    """The users of the newest run, as its lists write them."""
    answer = shop("recommend", "--k", "1", "--include-seen", "--out", "lists.csv")
    assert answer.code == 0, answer.err
    return {row["user"] for row in read_csv(shop.folder / "lists.csv")}


def read_csv(path: Path) -> list[dict[str, str]]:
    """The rows of a file that was written."""
    with path.open(newline="", encoding="utf-8") as file:
        return list(csv.DictReader(file))


def write(shop: Shop, name: str, rows: Iterable[Sequence[object]], separator: str = ",") -> str:
    """Rows as lines, nothing quoted; the file's name."""
    lines = (separator.join(map(str, row)) for row in rows)
    (shop.folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8")
    return name


def write_lines(shop: Shop, name: str, rows: Iterable[dict[str, object]]) -> str:
    """Rows as JSON lines; the file's name."""
    (shop.folder / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
    return name


class TestUsersFileLeadingZeros:
    def test_ids_in_a_file_are_those_of_the_command_line(self, shop: Shop) -> None:
        rows = [("customer", "sku"), *((f"{int(user[1:]):05d}", f"{int(item[1:]):04d}") for user, item in PAIRS)]
        columns = ("data.user=customer", "data.item=sku")
        rows_of(train(shop, write(shop, "orders.csv", rows), *columns))
        write(shop, "wanted.csv", [("user",), ("00003",), ("00007",)])
        for users, out in (("00003,00007", "a.csv"), ("wanted.csv", "b.csv")):
            answer = shop("recommend", "--users", users, "--k", "3", "--out", out)
            assert answer.code == 0, answer.err
            assert "not known" not in answer.err
        first, second = read_csv(shop.folder / "a.csv"), read_csv(shop.folder / "b.csv")
        assert first == second
        assert {row["user"] for row in first} == {"00003", "00007"}
        assert all(len(row["item"]) == 4 for row in first)


class TestEmailUserIds:
    def test_an_argument_with_a_dot_is_an_id_unless_there_is_such_a_file(self, shop: Shop) -> None:
        rows = [("user", "item"), *((f"{user}@shop.example", item) for user, item in PAIRS)]
        rows_of(train(shop, write(shop, "clicks.csv", rows)))
        for asked in ("u1@shop.example", "u1@shop.example,u2@shop.example", "u2@shop.example, "):
            answer = shop("recommend", "--users", asked, "--k", "3", "--out", "a.csv")
            assert answer.code == 0, answer.err
            expected = [word.strip() for word in asked.split(",") if word.strip()]
            assert sorted({row["user"] for row in read_csv(shop.folder / "a.csv")}) == expected

    def test_a_file_that_is_not_there_is_one_where_it_ends_as_tables_do(self, shop: Shop) -> None:
        rows_of(train(shop, write(shop, "clicks.csv", [("user", "item"), *PAIRS])))
        assert "no file wanted.csv" in shop("recommend", "--users", "wanted.csv").refusal(1)


class TestIntThenFloat:
    def test_numbers_that_are_whole_for_ten_thousand_rows_may_then_have_halves(self, shop: Shop) -> None:
        late = [(f"u{row % 1100}", f"i{row // 1100}", 3.5 if row > 10_500 else 2 + row % 4) for row in range(11_000)]
        answer = read(shop, write(shop, "ratings.csv", [("user", "item", "rating"), *late]), "data.minimum_rating=3")
        assert rows_of(answer) == (11_000, sum(rating >= 3 for _, _, rating in late))


class TestJsonlLateKeys:
    @pytest.mark.parametrize(
        "later",
        [
            {"timestamp": 1_600_000_000},
            {"user": "guest", "item": "i1"},
            {"rating": 4.5},
            {"user": "1", "item": 2},
        ],
        ids=["a key", "text", "halves", "both"],
    )
    def test_keys_and_types_that_come_late_are_found(self, shop: Shop, later: dict[str, object]) -> None:
        rows = [{"user": number // 5, "item": f"i{number % 7}", "rating": 5} for number in range(1_500)]
        file = write_lines(shop, "late.jsonl", [*rows, {"user": 7, "item": "i1000", **later}])
        assert rows_of(read(shop, file))[0] == 1_501
        keys = [f"data.{key}={key}" for key in later if key in ("timestamp", "rating")]
        assert rows_of(read(shop, file, *keys))[0] == 1_501

    def test_large_numbers_and_leading_zeros_are_kept(self, shop: Shop) -> None:
        ids = [9_223_372_036_854_775_800 + number for number in range(12)]
        file = write_lines(shop, "big.jsonl", ({"user": ids[int(u[1:])], "item": i} for u, i in PAIRS))
        rows_of(train(shop, file))
        assert users_of(shop) == {str(each) for each in ids}
        file = write_lines(shop, "zeros.jsonl", ({"user": f"{int(u[1:]):04d}", "item": i} for u, i in PAIRS))
        rows_of(train(shop, file))
        assert users_of(shop) == {f"{number:04d}" for number in range(12)}

    def test_times_may_be_digits_in_quotes(self, shop: Shop) -> None:
        rows = [{"user": u, "item": i, "at": str(1_600_000_000 + at)} for at, (u, i) in enumerate(PAIRS)]
        answer = read(shop, write_lines(shop, "t.jsonl", rows), "data.timestamp=at", "data.split.kind=temporal")
        assert rows_of(answer) == (60, 60)
        assert "validation 5, test 6" in answer.err

    def test_a_line_that_is_cut_off_is_named(self, shop: Shop) -> None:
        file = write_lines(shop, "cut.jsonl", ({"user": u, "item": i} for u, i in PAIRS))
        with (shop.folder / file).open("a") as end:
            end.write('{"user": "u1", "it')
        assert "cut.jsonl, line 61 is not a JSON object" in read(shop, file).refusal(1)

    def test_objects_in_the_place_of_ids_are_refused(self, shop: Shop) -> None:
        file = write_lines(shop, "nested.jsonl", ({"user": {"id": u}, "item": i} for u, i in PAIRS))
        assert "ids are numbers or text" in read(shop, file).refusal(1)

    def test_python_dicts_are_read_where_the_format_says_so(self, shop: Shop) -> None:
        (shop.folder / "steam.jsonl").write_text("".join(f"{{u'user': u'{u}', u'item': u'{i}'}}\n" for u, i in PAIRS))
        assert "Python literal: set format: python" in read(shop, "steam.jsonl").refusal(1)
        assert rows_of(read(shop, "steam.jsonl", "data.format=python")) == (60, 60)


class TestGz:
    TABLE = "user,item\n" + "".join(f"{user},{item}\n" for user, item in PAIRS)
    LINES = "".join(json.dumps({"user": user, "item": item, "text": 'so "good"\n'}) + "\n" for user, item in PAIRS)
    LIST = json.dumps([{"user": user, "item": item} for user, item in PAIRS])

    @pytest.mark.parametrize(
        ("name", "text"),
        [("a.csv.gz", TABLE), ("a.csv.zst", TABLE), ("a.json", LINES), ("b.json", LIST), ("a.json.gz", LINES)],
    )
    def test_the_format_is_told_from_the_ending_under_the_compression(self, shop: Shop, name: str, text: str) -> None:
        content = text.encode()
        if name.endswith(".gz"):
            content = gzip.compress(content)
        if name.endswith(".zst"):
            content = pa.compress(content, "zstd", asbytes=True)
        (shop.folder / name).write_bytes(content)
        assert rows_of(read(shop, name)) == (60, 60)
        form = "csv" if ".csv" in name else "jsonl"
        if text is not self.LIST:
            assert rows_of(read(shop, name, f"data.format={form}")) == (60, 60)


class TestColumnsTakenByName:
    @pytest.mark.parametrize("header", ["user,item,part,weight", "user,item,rating,timestamp"])
    def test_a_column_is_read_as_weights_or_times_where_the_config_names_it(self, shop: Shop, header: str) -> None:
        third, fourth = header.split(",")[2:]
        file = write(shop, "a.csv", [header.split(","), *((*pair, "BRK-7", "0:07") for pair in PAIRS)])
        assert rows_of(read(shop, file)) == (60, 60)
        assert rows_of(read(shop, file, f"data.{third}=null", f"data.{fourth}=null")) == (60, 60)
        answer = read(shop, file, f"data.{third}={third}")
        assert f"{third} 'BRK-7'" in answer.refusal(1)


class TestBooleanLiked:
    @pytest.mark.parametrize("form", ["csv", "jsonl", "parquet"])
    def test_true_is_one_and_false_is_zero(self, shop: Shop, form: str) -> None:
        table = pl.DataFrame([{"user": u, "item": i, "liked": at % 4 > 0} for at, (u, i) in enumerate(PAIRS)])
        file = shop.folder / f"a.{form}"
        {"csv": table.write_csv, "jsonl": table.write_ndjson, "parquet": table.write_parquet}[form](file)
        assert rows_of(read(shop, file.name, "data.rating=liked", "data.minimum_rating=1")) == (60, 45)


class TestSetValuesAsYaml:
    @pytest.mark.parametrize("column", ["no", "#user", "1", "null and void", "1e3", "[u]", "a: b"])
    def test_a_name_of_a_column_is_taken_as_it_is_written(self, shop: Shop, column: str) -> None:
        file = write(shop, "a.csv", [(column, "item"), *PAIRS])
        assert rows_of(read(shop, file, f"data.user={column}")) == (60, 60)

    def test_names_of_folders_and_runs_are_text(self, shop: Shop) -> None:
        (shop.folder / "2024").mkdir()
        write(shop, "2024/a.csv", [("user", "item"), *PAIRS])
        assert rows_of(train(shop, "2024", "name=007")) == (60, 60)
        assert "007" in {run["name"].partition("-")[0] for run in json.loads(shop("runs", "--json").out)}


class TestTsvQuotes:
    @pytest.mark.parametrize("title", ['7" Single', '"Heroes', '"Weird" Title', 'say "so"', 'a""b'])
    def test_marks_within_fields_take_no_rows_away(self, shop: Shop, title: str) -> None:
        rows = [(user, item, title if at % 7 == 3 else "plain", at) for at, (user, item) in enumerate(PAIRS)]
        file = write(shop, "plays.tsv", [("user", "item", "title", "n"), *rows], "\t")
        assert rows_of(read(shop, file)) == (60, 60)
        assert rows_of(read(shop, file, "data.item=title"))[0] == 60


class TestIdsDirty:
    HEAD = ("user", "item")

    @pytest.mark.parametrize(
        ("separator", "said"),
        [("|", ()), ("\t", ()), (":", ()), ("\t", (r"data.separator=\t",)), ("::", ("data.separator=::",))],
    )
    def test_any_separator_can_be_said(self, shop: Shop, separator: str, said: tuple[str, ...]) -> None:
        file = write(shop, "a.csv", [self.HEAD, *PAIRS], separator)
        assert rows_of(read(shop, file, *(said or (f"data.separator={separator}",)))) == (60, 60)

    @pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
    def test_marks_of_encodings_are_no_part_of_names(self, shop: Shop, encoding: str) -> None:
        text = "user,item\r\n" + "".join(f"é{user},{item}\r\n" for user, item in PAIRS)
        (shop.folder / "a.csv").write_bytes(text.encode(encoding))
        assert rows_of(train(shop, "a.csv")) == (60, 60)
        assert users_of(shop) == {f"éu{number}" for number in range(12)}

    def test_another_encoding_is_asked_for(self, shop: Shop) -> None:
        text = "user,item\n" + "".join(f"é{user},{item}\n" for user, item in PAIRS)
        (shop.folder / "a.csv").write_bytes(text.encode("latin-1"))
        assert "set encoding" in train(shop, "a.csv").refusal(1)
        rows_of(train(shop, "a.csv", "data.encoding=latin-1"))
        assert users_of(shop) == {f"éu{number}" for number in range(12)}

    @pytest.mark.parametrize(
        "names",
        [
            ("Müller, Anna", 'O"Neil', "two\nlines", "李雷", "-1", "007", "1e5", "[bold]x[/bold]", "a;b|c", "t\tt"),
            ("nan@example", "x" * 500, "😀", "C:\\dir", "'", "`", "{}", "--help"),
        ],
    )
    def test_names_of_any_kind_come_back_as_they_were(self, shop: Shop, names: tuple[str, ...]) -> None:
        rows = [self.HEAD, *((user, f"i{item}") for user in names for item in range(5))]
        with (shop.folder / "a.csv").open("w", newline="", encoding="utf-8") as file:
            csv.writer(file, quoting=csv.QUOTE_ALL).writerows(rows)
        assert rows_of(train(shop, "a.csv")) == (5 * len(names), 5 * len(names))
        assert users_of(shop) == set(names)

    def test_spaces_around_values_and_names_are_none_of_them(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [("user", " item"), *((f"{u} ", f" {i}") for u, i in PAIRS), ("u1", "i3")])
        assert rows_of(train(shop, file)) == (61, 60)
        assert users_of(shop) == {f"u{number}" for number in range(12)}

    @pytest.mark.parametrize("missing", ["", "NULL", "nan", "None"])
    def test_rows_without_an_id_are_counted_and_left_out(self, shop: Shop, missing: str) -> None:
        file = write(shop, "a.csv", [self.HEAD, *PAIRS, (missing, "i1"), ("u1", missing)])
        answer = read(shop, file)
        assert rows_of(answer) == (62, 60)
        assert "62 read -> 60 nulls: drop" in answer.err

    @pytest.mark.parametrize(("row", "fields"), [(("u1", "i8"), 2), (("u1", "i8", "5", "more"), 4)])
    def test_a_row_of_another_length_is_named_or_filled_and_counted(
        self, shop: Shop, row: tuple[str, ...], fields: int
    ) -> None:
        file = write(shop, "a.csv", [(*self.HEAD, "rating"), *((*pair, 4) for pair in PAIRS), row])
        assert f"a.csv, line 62 has {fields} fields, not 3" in read(shop, file).refusal(1)
        answer = read(shop, file, "data.ragged=fill")
        assert rows_of(answer)[0] == 61
        assert "note: " in answer.err

    def test_two_columns_of_one_name_are_refused(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [("user", "item", "item"), *((*pair, "x") for pair in PAIRS)])
        assert "has 2 columns named 'item'; rename them" in read(shop, file).refusal(1)

    def test_an_empty_last_column_is_none(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [("user", "item", ""), *((*pair, "") for pair in PAIRS)])
        assert rows_of(read(shop, file)) == (60, 60)

    def test_names_in_other_letters_are_hinted_at(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [("User", "Item"), *PAIRS])
        assert "no column 'user'; did you mean 'User'?" in read(shop, file).refusal(1)
        assert rows_of(read(shop, file, "data.user=User", "data.item=Item")) == (60, 60)

    def test_lines_of_comment_are_left_out_where_it_is_said_how_they_begin(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [("# exported 2024-01-01",), self.HEAD, *PAIRS, ("# end",)])
        assert "are separator, comment and header right?" in read(shop, file).refusal(1)
        assert rows_of(read(shop, file, "data.comment=#")) == (60, 60)

    def test_numbers_are_read_as_the_file_writes_them(self, shop: Shop) -> None:
        rows = [(*pair, "4,5" if at % 2 else "1,5") for at, pair in enumerate(PAIRS)]
        file = write(shop, "a.csv", [(*self.HEAD, "rating"), *rows], ";")
        keys = ("data.separator=;", "data.rating=rating", "data.minimum_rating=4")
        assert "'1,5'" in read(shop, file, *keys).refusal(1)
        assert rows_of(read(shop, file, *keys, "data.decimal=,")) == (60, 30)
        rows = [(*pair, '"1,270"' if at % 2 else '"900"') for at, pair in enumerate(PAIRS)]
        file = write(shop, "b.csv", [(*self.HEAD, "rating"), *rows])
        keys = ("data.rating=rating", "data.minimum_rating=1000")
        assert "'1,270'" in read(shop, file, *keys).refusal(1)
        assert rows_of(read(shop, file, *keys, "data.thousands=,")) == (60, 30)

    @pytest.mark.parametrize("separator", ["\t", "::"])
    def test_a_file_without_a_header_is_told_and_its_columns_are_numbers_or_named(
        self, shop: Shop, separator: str
    ) -> None:
        rows = [(user[1:], item[1:], 5, 978_300_760 + at) for at, (user, item) in enumerate(PAIRS)]
        file = write(shop, "a.dat", rows, separator)
        form = ("data.format=csv", f"data.separator={separator}")
        assert "set header: false" in read(shop, file, *form).refusal(1)
        numbers = ("data.user=1", "data.item=2", "data.timestamp=4")
        assert rows_of(read(shop, file, *form, "data.header=false", *numbers)) == (60, 60)
        names = ("data.columns=[user, item, rating, time]", "data.timestamp=time")
        assert rows_of(read(shop, file, *form, "data.header=false", *names)) == (60, 60)

    def test_typed_names_of_columns_are_names(self, shop: Shop) -> None:
        rows = [(*pair, 4.0, 881_250_900 + at) for at, pair in enumerate(PAIRS)]
        head = ("user_id:token", "item_id:token", "rating:float", "timestamp:float")
        file = write(shop, "a.inter", [head, *rows], "\t")
        columns = ("data.user=user_id:token", "data.item=item_id:token", "data.timestamp=timestamp:float")
        assert rows_of(read(shop, file, "data.format=tsv", *columns)) == (60, 60)

    def test_ids_at_the_end_of_64_bits_are_kept(self, shop: Shop) -> None:
        ids = [2**63 - 12 + number for number in range(12)]
        file = write(shop, "a.csv", [self.HEAD, *((ids[int(u[1:])], -(2**63) + int(i[1:])) for u, i in PAIRS)])
        assert rows_of(train(shop, file)) == (60, 60)
        assert users_of(shop) == {str(each) for each in ids}

    def test_ids_that_a_spreadsheet_rounded_are_refused(self, shop: Shop) -> None:
        file = write(shop, "a.csv", [self.HEAD, *((f"1.10{u[1:]}E+17", i) for u, i in PAIRS)])
        assert "what a spreadsheet made of a long one" in read(shop, file).refusal(1)
        assert rows_of(read(shop, file, "data.ids=string")) == (60, 60)

    @pytest.mark.parametrize("late", ["guest-1", "7.0", "0007"])
    def test_an_id_that_is_text_after_thousands_of_numbers_is_kept(self, shop: Shop, late: str) -> None:
        rows = [(number // 5, number % 7) for number in range(12_000)]
        assert rows_of(train(shop, write(shop, "a.csv", [self.HEAD, *rows, (late, 99)])))[0] == 12_001
        known = users_of(shop)
        assert ("7" if late == "7.0" else late) in known
        assert "42" in known

    @pytest.mark.parametrize("title", ['"open', 'in"side', "plain"])
    def test_marks_within_fields_between_commas_are_text(self, shop: Shop, title: str) -> None:
        rows = [(user, title if at == 30 else "plain", item) for at, (user, item) in enumerate(PAIRS)]
        assert rows_of(read(shop, write(shop, "a.csv", [("user", "title", "item"), *rows]))) == (60, 60)
