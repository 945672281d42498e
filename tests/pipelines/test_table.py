"""Any table of interactions reads the same from any format; what cannot be read is named."""

import builtins
import sqlite3
from pathlib import Path

import polars as pl
import pytest

from reccl.bundle import locate_bundled
from reccl.data.ingest import pipelines
from reccl.errors import DataError

TABLE = pipelines.load(str(locate_bundled("pipelines") / "table.py"))
BUYS = pl.DataFrame(
    {
        "customer": [1, 1, 2, 3],
        "sku": ["a", "a", "b", "c"],
        "rating": [5.0, 3.0, 4.0, 1.0],
        "timestamp": [100, 200, 300, 400],
    }
)
NAMES = {"user": "customer", "item": "sku", "timestamp": "timestamp", "rating": "rating"}
WRITERS = {
    "buys.csv": lambda frame, path: frame.write_csv(path),
    "buys.tsv": lambda frame, path: frame.write_csv(path, separator="\t"),
    "buys.parquet": lambda frame, path: frame.write_parquet(path),
    "buys.jsonl": lambda frame, path: frame.write_ndjson(path),
    "buys.feather": lambda frame, path: frame.write_ipc(path),
}


def rows(raw: Path, **arguments: object) -> pl.DataFrame:
    return TABLE.run(raw, **arguments).interactions.collect()[0]


@pytest.mark.parametrize("name", WRITERS)
def test_every_format_gives_the_same_table(name: str, tmp_path: Path) -> None:
    WRITERS[name](BUYS, tmp_path / name)
    table = rows(tmp_path, interactions=Path(name), duplicates="first", **NAMES)
    assert table.schema == {"user": pl.Int64, "item": pl.String, "timestamp": pl.Int64, "rating": pl.Float64}
    assert table.rows() == [(1, "a", 100, 5.0), (2, "b", 300, 4.0), (3, "c", 400, 1.0)]


def test_a_folder_of_files_is_one_table_less_the_feature_files(tmp_path: Path) -> None:
    BUYS.head(2).write_csv(tmp_path / "1.csv")
    BUYS.tail(2).write_csv(tmp_path / "2.csv")
    (tmp_path / "goods.csv").write_text("sku,color\na,red\na,blue\n")
    tables = TABLE.run(tmp_path, items=Path("goods.csv"), **NAMES)
    assert tables.interactions.collect()[1][0].rows == 4
    assert tables.items.collect().rows() == [("a", "red"), ("a", "blue")]
    inputs = TABLE.inputs(tmp_path, items=Path("goods.csv"), **NAMES)
    assert [path.name for path in inputs or []] == ["1.csv", "2.csv", "goods.csv"]


def test_separators_units_and_formats_can_be_said(tmp_path: Path) -> None:
    (tmp_path / "buys.dat").write_text("u;i;at\n1;2;5000\n")
    table = rows(
        tmp_path,
        interactions=Path("buys.dat"),
        format="csv",
        separator=";",
        user="u",
        item="i",
        timestamp="at",
        time_unit="ms",
    )
    assert table.rows() == [(1, 2, 5)]


@pytest.mark.parametrize(("written", "form"), [("12/31/1970 1:00", "%m/%d/%Y %H:%M"), ("19701231", "%Y%m%d")])
def test_times_may_be_written_in_any_form_that_is_said(tmp_path: Path, written: str, form: str) -> None:
    (tmp_path / "buys.csv").write_text(f"user,item,timestamp\n1,2,{written}\n")
    (moment,) = rows(tmp_path, time_format=form, timestamp="timestamp")["timestamp"]
    assert moment // 86_400 == 364
    with pytest.raises(DataError, match=r"timestamp .* in row 1 .* is not a time written as %d"):
        rows(tmp_path, time_format="%d.%m.%Y", timestamp="timestamp")


def test_a_column_that_no_key_names_is_not_read_and_hinted_at(tmp_path: Path) -> None:
    (tmp_path / "buys.csv").write_text("user,item,timestamp,part,weight\n1,2,early,wheel,3.5kg\n")
    tables = TABLE.run(tmp_path, interactions=Path("buys.csv"))
    assert tables.interactions.collect()[0].rows() == [(1, 2)]
    assert tables.notes == tuple(
        f"{tmp_path / 'buys.csv'}: column {name!r} is not read; set {name}: {name} to use it"
        for name in ("weight", "timestamp", "part")
    )


def test_ids_that_a_number_could_not_give_back_stay_text(tmp_path: Path) -> None:
    (tmp_path / "buys.csv").write_text("user,item\n007,1\n8,2\n")
    (tmp_path / "people.csv").write_text("user,age\n007,40\n8,50\n")
    tables = TABLE.run(tmp_path, users=Path("people.csv"))
    assert tables.interactions.collect()[0].rows() == [("007", 1), ("8", 2)]
    assert tables.users.collect().rows() == [("007", 40), ("8", 50)]


def test_features_take_the_id_type_of_the_interactions(tmp_path: Path) -> None:
    pl.DataFrame({"user": [1], "item": [2]}).write_parquet(tmp_path / "buys.parquet")
    (tmp_path / "goods.csv").write_text("code,color\n2,red\n")
    tables = TABLE.run(tmp_path, interactions=Path("buys.parquet"), items=Path("goods.csv"), items_id="code")
    assert tables.items.collect().rows() == [(2, "red")]


def test_an_id_that_is_text_after_ten_thousand_numbers_makes_all_of_them_text(tmp_path: Path) -> None:
    lines = [f"{n},1" for n in range(10_001)]
    (tmp_path / "buys.csv").write_text("\n".join(["user,item", *lines, "x7,1"]))
    assert rows(tmp_path, interactions=Path("buys.csv"))["user"].to_list()[-2:] == ["10000", "x7"]
    with pytest.raises(DataError, match=r"user 'x7' in row 10002 .*is not a whole number; set ids: string"):
        rows(tmp_path, interactions=Path("buys.csv"), ids="integer")


def test_steps_are_applied_in_order_and_named(tmp_path: Path) -> None:
    BUYS.write_csv(tmp_path / "buys.csv")
    arguments = {**NAMES, "minimum_rating": 2, "since": 150, "user_core": 1, "duplicates": "error"}
    table, counts = TABLE.run(tmp_path, **arguments).interactions.collect()
    assert table["user"].to_list() == [1, 2]
    assert [(count.step, count.rows) for count in counts] == [
        ("read", 4),
        ("nulls: drop", 4),
        ("time window", 3),
        ("rating >= 2", 2),
        ("duplicates: error", 2),
        ("core of 1 a user, 0 an item", 2),
    ]


def test_a_predefined_part_may_hold_three_words_only(tmp_path: Path) -> None:
    (tmp_path / "buys.csv").write_text("user,item,fold\n1,1,train\n1,2,held out\n")
    with pytest.raises(DataError, match=r"part 'held out' in row 2 .*is not one of train, validation, test"):
        rows(tmp_path, part="fold")


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ({"user": "custmer", "item": "sku"}, "no column 'custmer'; did you mean 'customer'.*set user: COLUMN"),
        ({**NAMES, "interactions": Path("buy.csv")}, "no file or folder .*buy.csv; did you mean 'buys.csv'"),
        ({**NAMES, "separator": "::"}, "no column 'customer'.*are separator, comment and header right"),
        ({**NAMES, "format": "parquet"}, "cannot read .*buys.csv as parquet"),
        ({**NAMES, "rating": "stars"}, "no column 'stars'"),
        ({"database": "sqlite://x"}, "database goes with query"),
    ],
)
def test_what_cannot_be_read_is_named(tmp_path: Path, arguments: dict[str, object], answer: str) -> None:
    BUYS.write_csv(tmp_path / "buys.csv")
    with pytest.raises(DataError, match=answer):
        rows(tmp_path, **arguments)


def test_a_key_that_asks_for_ratings_or_times_takes_the_columns_of_these_names(tmp_path: Path) -> None:
    BUYS.write_csv(tmp_path / "buys.csv")
    arguments = {"user": "customer", "item": "sku", "minimum_rating": 4}
    assert rows(tmp_path, **arguments).columns == ["user", "item", "rating"]
    assert rows(tmp_path, **arguments, since=300).rows() == [(2, "b", 300, 4.0)]
    BUYS.rename({"rating": "stars"}).write_csv(tmp_path / "buys.csv")
    assert rows(tmp_path, **arguments, rating="stars").height == 2


def test_a_rating_bound_without_ratings_says_what_to_set(tmp_path: Path) -> None:
    BUYS.select("customer", "sku").write_csv(tmp_path / "buys.csv")
    with pytest.raises(DataError, match=r"minimum_rating: 4 needs a rating, and none is read .*; set rating: COLUMN"):
        rows(tmp_path, minimum_rating=4, **{**NAMES, "rating": None, "timestamp": None})


def test_formats_are_not_mixed_or_guessed(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"no table files in"):
        rows(tmp_path)
    (tmp_path / "buys.xls").touch()
    with pytest.raises(DataError, match=r"cannot tell the format of buys.xls"):
        rows(tmp_path, interactions=Path("buys.xls"))
    BUYS.write_csv(tmp_path / "a.csv")
    BUYS.write_parquet(tmp_path / "b.parquet")
    with pytest.raises(DataError, match=r"mixes formats: a.csv, b.parquet"):
        rows(tmp_path)


class TestDatabase:
    def test_rows_come_by_query_and_are_never_taken_from_a_cache(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        pytest.importorskip("connectorx")
        connection = sqlite3.connect(tmp_path / "shop.db")
        connection.executescript(
            "create table buys (customer int, sku text); insert into buys values (1, 'a'), (2, 'b')"
        )
        connection.close()
        monkeypatch.setenv("SHOP", f"sqlite://{tmp_path / 'shop.db'}")
        arguments = {"database": "$SHOP", "query": "select * from buys", "user": "customer", "item": "sku"}
        assert rows(tmp_path, **arguments).rows() == [(1, "a"), (2, "b")]
        assert TABLE.inputs(tmp_path, **arguments) is None

    def test_a_refusal_holds_no_credentials(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        uri = "postgresql://annika:p%40ss@db.invalid/shop?key=s3cret"

        def refuse(query: str, uri: str) -> None:
            raise RuntimeError(f"cannot reach {uri}: user annika, password p@ss, key s3cret\nmore")

        monkeypatch.setattr(pl, "read_database_uri", refuse)
        with pytest.raises(DataError, match=r"the database .postgresql. refused the query: cannot reach ") as failure:
            rows(tmp_path, database=uri, query="select 1")
        text = str(failure.value)
        assert not [secret for secret in ("annika", "p@ss", "p%40ss", "s3cret", "\n") if secret in text]
        assert failure.value.__cause__ is None

    def test_an_unset_variable_is_named(self, tmp_path: Path) -> None:
        with pytest.raises(DataError, match=r"environment variable NO_SUCH_SHOP, which database names, is not set"):
            rows(tmp_path, database="sqlite://${NO_SUCH_SHOP}", query="select 1")

    def test_a_missing_driver_says_what_to_install(self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        real = builtins.__import__

        def without(name: str, *rest: object, **named: object) -> object:
            if name.startswith("connectorx"):
                raise ModuleNotFoundError("No module named 'connectorx'")
            return real(name, *rest, **named)  # type: ignore[arg-type]

        def read(query: str, uri: str) -> None:
            import connectorx  # noqa: F401

        monkeypatch.setattr(builtins, "__import__", without)
        monkeypatch.setattr(pl, "read_database_uri", read)
        with pytest.raises(DataError, match=r"pip install 'reccl\[database\]'"):
            rows(tmp_path, database="sqlite://x", query="select 1")


class TestTextAsItComes:
    def read(self, tmp_path: Path, text: str, **arguments: object) -> pl.DataFrame:
        (tmp_path / "buys.csv").write_text(text)
        return rows(tmp_path, interactions=Path("buys.csv"), **arguments)

    def test_numbers_that_are_whole_at_first_and_then_not_are_numbers(self, tmp_path: Path) -> None:
        lines = [f"u{n},{n},3\n" for n in range(20_000)]
        table = self.read(tmp_path, "user,item,rating\n" + "".join(lines) + "u1,x,3.5\n", rating="rating")
        assert table["rating"].tail(1).item() == 3.5
        assert table["item"].tail(2).to_list() == ["19999", "x"]

    @pytest.mark.parametrize("words", [("True", "False"), ("true", "false"), ("1", "0")])
    def test_liked_or_not_is_1_or_0(self, tmp_path: Path, words: tuple[str, str]) -> None:
        text = f"user,item,rating\na,x,{words[0]}\nb,x,{words[1]}\n"
        assert self.read(tmp_path, text, rating="rating")["rating"].to_list() == [1, 0]
        assert self.read(tmp_path, text, rating="rating", minimum_rating=1)["user"].to_list() == ["a"]

    def test_numbers_may_have_a_decimal_comma_and_separated_thousands(self, tmp_path: Path) -> None:
        text = 'user,item,rating\na,x,"1.270,5"\n'
        assert self.read(tmp_path, text, rating="rating", decimal=",", thousands=".")["rating"].item() == 1270.5
        with pytest.raises(DataError, match=r"rating '1\.270,5' in row 1 \(user 'a', item 'x'\) is not a number"):
            self.read(tmp_path, text, rating="rating")

    def test_ids_lose_outer_spaces_and_missing_ones_are_dropped_and_counted(self, tmp_path: Path) -> None:
        (tmp_path / "buys.csv").write_text("user,item\nu1 ,i7\nu1, i7\nNULL,i7\n,i7\n")
        table, counts = TABLE.run(tmp_path, interactions=Path("buys.csv")).interactions.collect()
        assert table.rows() == [("u1", "i7")]
        assert [count.rows for count in counts] == [4, 2, 1]

    def test_whole_numbers_written_as_floats_are_whole_numbers(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "user,item\n1.0,7\n2.0,8\n").rows() == [(1, 7), (2, 8)]

    def test_long_ids_are_kept_and_those_that_a_spreadsheet_rounded_are_named(self, tmp_path: Path) -> None:
        text = f"user,item\n{2**63 - 1},1\n{2**63 - 2},1\n"
        assert self.read(tmp_path, text)["user"].to_list() == [2**63 - 1, 2**63 - 2]
        with pytest.raises(DataError, match=r"user '1\.101E\+17' in row 1 .* spreadsheet .* set ids: string"):
            self.read(tmp_path, "user,item\n1.101E+17,7\n")
        assert self.read(tmp_path, "user,item\n1.101E+17,7\n", ids="string")["user"].item() == "1.101E+17"

    def test_times_are_epochs_or_iso_text(self, tmp_path: Path) -> None:
        text = "user,item,timestamp\na,x,60\nb,x,1970-01-01 00:02:00\nc,x,180.9\n"
        assert self.read(tmp_path, text, timestamp="timestamp")["timestamp"].to_list() == [60, 120, 180]
        table = self.read(tmp_path, "user,item,at\na,x,60000\n", timestamp="at", time_unit="ms")
        assert table["timestamp"].item() == 60

    def test_a_separator_is_told_in_words_and_a_wrong_one_is_hinted_at(self, tmp_path: Path) -> None:
        assert self.read(tmp_path, "user\titem\na\tx\n", separator="\\t").rows() == [("a", "x")]
        assert self.read(tmp_path, "a::x\nb::y\n", separator="::", header=False, user="1", item="2").height == 2
        with pytest.raises(DataError, match=r"no column 'user'.* are: user\|item; are separator, comment and"):
            self.read(tmp_path, "user|item\na|x\n")

    def test_files_of_a_folder_may_order_columns_in_their_own_way_but_not_lack_ids(self, tmp_path: Path) -> None:
        folder = tmp_path / "buys"
        folder.mkdir()
        (folder / "1.csv").write_text("user,item\na,x\n")
        (folder / "2.csv").write_text("item,note,user\ny,-,b\n")
        (folder / "3.csv").write_text("user,item\n")
        assert sorted(rows(tmp_path, interactions=Path("buys")).rows()) == [("a", "x"), ("b", "y")]
        (folder / "4.csv").write_text("users,item\nc,z\n")
        with pytest.raises(DataError, match=r"4\.csv has no column 'user', which other files beside it have"):
            rows(tmp_path, interactions=Path("buys"))

    def test_features_are_typed_by_all_rows_and_codes_stay_text(self, tmp_path: Path) -> None:
        (tmp_path / "items.csv").write_text("item,price,zip\n" + "1,2,02134\n" * 9 + "2,2.5,94043\n")
        (tmp_path / "buys.csv").write_text("user,item\na,1\na,2\n")
        tables = TABLE.run(tmp_path, interactions=Path("buys.csv"), items=Path("items.csv"))
        assert tables.items.unique().sort("item").collect().rows() == [(1, 2.0, "02134"), (2, 2.5, "94043")]


@pytest.mark.parametrize(
    ("ids", "expected"),
    [
        (pl.Series([1, 2**64 - 1], dtype=pl.UInt64), [1, 2**64 - 1]),
        (pl.Series([1, 2], dtype=pl.UInt64), [1, 2]),
        (pl.Series([1.0, None, 2.0]), [1, 2]),
        (pl.Series(["a", "b"], dtype=pl.Categorical), ["a", "b"]),
        (pl.Series([b"a", b"b"]), ["a", "b"]),
    ],
    ids=["beyond Int64", "unsigned", "floats with gaps", "categories", "bytes"],
)
def test_ids_of_every_type_of_parquet_are_numbers_or_text(tmp_path: Path, ids: pl.Series, expected: list) -> None:
    pl.DataFrame({"user": ids, "item": 7}).write_parquet(tmp_path / "buys.parquet")
    assert rows(tmp_path, interactions=Path("buys.parquet"))["user"].to_list() == expected


def test_nested_ids_are_refused(tmp_path: Path) -> None:
    (tmp_path / "buys.jsonl").write_text('{"user": {"id": 1}, "item": 2}\n')
    with pytest.raises(DataError, match=r"user holds Struct.*; ids are numbers or text"):
        rows(tmp_path, interactions=Path("buys.jsonl"))
