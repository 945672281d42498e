"""`reccl recommend` writes whole files in raw ids for the users asked for, and refuses the rest in one line."""

import json
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import opened

COLUMNS = ["user", "item", "score", "rank", "source"]


def written(shop, folder: Path, *words: object, name: str = "recs.parquet", notes: str = "") -> pl.DataFrame:
    answer = shop("recommend", "--run", "planted", "--out", folder / name, *words)
    assert answer.code == 0, answer.err
    said = answer.err.partition("\n")[2] if answer.err.startswith("memory: about ") else answer.err
    assert (said == answer.err) == ("--users" in words)
    assert said.startswith(f"{notes}next: ")
    table = pl.read_parquet(folder / name)
    users = table["user"].n_unique()
    assert answer.out.startswith(f"{table.height:,} rows for {users:,} users of run ")
    assert answer.out.endswith(f"(planted) -> {folder / name}\n")
    return table


def test_all_users_get_twenty_new_items_sorted(shop, tmp_path: Path, planted: pl.DataFrame) -> None:
    table = written(shop, tmp_path)
    assert table.columns == COLUMNS
    assert table["user"].unique().sort().to_list() == planted["user"].unique().sort().to_list()
    assert table["rank"].to_list() == list(range(1, 21)) * 200
    assert table.equals(table.sort("user", "rank"))
    assert set(table["item"]) <= set(planted["item"])


def test_include_seen_lists_what_a_user_already_has(shop, tmp_path: Path, planted: pl.DataFrame) -> None:
    having = written(shop, tmp_path, "--include-seen", "-k", 5).join(planted, on=["user", "item"])
    assert having.height > 2 * written(shop, tmp_path, "-k", 5).join(planted, on=["user", "item"]).height


def test_users_come_from_a_list_of_ids(shop, tmp_path: Path) -> None:
    note = "1 of 3 users are not known, such as 'zoe': they get the most popular items\n"
    table = written(shop, tmp_path, "--users", "u003, zoe,u001,", "--k", 2, notes=note)
    assert table["user"].to_list() == ["u001"] * 2 + ["u003"] * 2 + ["zoe"] * 2
    assert table["source"].to_list() == ["model"] * 4 + ["popularity"] * 2


@pytest.mark.parametrize("form", ["csv", "parquet", "only.csv", "jsonl"])
def test_users_come_from_a_file(shop, tmp_path: Path, form: str) -> None:
    users = pl.DataFrame({"user": ["u007", "u002", None, "u002"], "note": list("abcd")})
    path = tmp_path / f"users.{form}"
    match form:
        case "csv":
            users.write_csv(path)
        case "parquet":
            users.write_parquet(path)
        case "only.csv":
            users.select(pl.col("user").alias("customer")).write_csv(path)
        case "jsonl":
            users.write_ndjson(path)
    assert written(shop, tmp_path, "--users", path, "--k", 1)["user"].to_list() == ["u002", "u007"]


@pytest.mark.parametrize(
    ("name", "words", "read"),
    [
        ("recs.csv", (), pl.read_csv),
        ("recs.jsonl", (), pl.read_ndjson),
        ("recs.ndjson", (), pl.read_ndjson),
        ("recs", (), pl.read_parquet),
        ("recs.csv", ("--format", "parquet"), pl.read_parquet),
    ],
)
def test_the_format_goes_by_the_ending_or_the_option(shop, tmp_path: Path, name: str, words: tuple, read) -> None:
    assert shop("recommend", "--out", tmp_path / name, "--users", "u001", *words).code == 0
    assert read(tmp_path / name).columns == COLUMNS


@pytest.mark.parametrize("name", ["-", "/dev/stdout"])
def test_lists_go_to_standard_output_alone(shop, name: str) -> None:
    command = [sys.executable, "-m", "reccl", "recommend", "--users", "u001,u002", "-k", "2", "--out", name]
    apart = {name: value for name, value in os.environ.items() if name != "MLFLOW_TRACKING_URI"}  # MLflow sets it
    done = subprocess.run(command, capture_output=True, cwd=shop.folder, check=True, env=apart)
    assert pl.read_csv(done.stdout).columns == COLUMNS
    assert done.stderr.splitlines()[-1].startswith(b"4 rows for 2 users of run ")  # after a note, if any


def test_a_reader_who_leaves_early_gets_no_traceback(shop) -> None:
    line = f"{sys.executable} -m reccl recommend --out - --format csv | head -1"
    done = subprocess.run(["bash", "-c", line], capture_output=True, text=True, cwd=shop.folder, check=True)
    assert done.stdout.strip() == ",".join(COLUMNS)
    assert "Traceback" not in done.stderr


def test_folders_on_the_way_are_made_and_no_draft_stays(shop, tmp_path: Path) -> None:
    written(shop, tmp_path / "a" / "b", "--users", "u001")
    assert [path.name for path in (tmp_path / "a" / "b").iterdir()] == ["recs.parquet"]


def test_quiet_still_tells_the_result(shop, tmp_path: Path) -> None:
    answer = shop("recommend", "--out", tmp_path / "recs.csv", "--quiet")
    assert answer.err == ""
    assert answer.out.startswith("4,000 rows")


def test_the_run_is_chosen_by_id_prefix_name_or_latest(shop, tmp_path: Path) -> None:
    runs = json.loads(shop("runs", "--json", "--limit", 1000).out)
    words = ("--out", tmp_path / "r", "--users", "u1")
    newest = next(run["id"] for run in runs if shop("recommend", *words, "--run", run["id"]).code == 0)  # with a model
    for name in (newest, "latest"):
        assert f"of run {newest} " in shop("recommend", *words, "--run", name).out


class TestNewcomers:
    def test_new_users_are_listed_by_their_history_and_the_run_is_not_touched(self, shop, tmp_path: Path) -> None:
        def run() -> dict[Path, bytes]:
            stored = shop.folder / "mlruns" / "artifacts"
            return {path: path.read_bytes() for path in stored.rglob("*") if path.is_file()}

        before = run()
        (tmp_path / "history.csv").write_text("user,item,when\nnew,10,5\nnew,22,6\nu003,13,7\nnew,9999,8\n")
        answer = shop(
            *("recommend", "--run", "planted", "--out", tmp_path / "recs.parquet", "-k", 3),
            *("--history", tmp_path / "history.csv", "--users", "new,u003,u004"),
        )
        assert answer.code == 0
        told = "1 of 4 rows of the history name items that are not known: left out"
        assert answer.err.splitlines()[:-1] == [told, "1 of 2 users of the history are new"]
        table = pl.read_parquet(tmp_path / "recs.parquet")
        assert table["user"].to_list() == ["u003"] * 3 + ["u004"] * 3 + ["new"] * 3
        assert table["source"].to_list() == ["fold_in"] * 3 + ["model"] * 3 + ["fold_in"] * 3
        assert not set(table.filter(user="new")["item"]) & {10, 22}
        assert before
        assert run() == before

    def test_all_users_are_the_old_and_the_new_ones(self, shop, tmp_path: Path) -> None:
        pl.DataFrame({"user": ["amy", "zed"]}).write_parquet(tmp_path / "users.parquet")
        words = ("recommend", "--run", "planted", "--out", tmp_path / "recs.csv", "-k", 1)
        assert shop(*words, "--new-users", tmp_path / "users.parquet").out.startswith("202 rows for 202 users of run ")

    @pytest.mark.parametrize(
        ("option", "text", "line"),
        [
            ("--history", "user,items\na,10\n", "the history has no column 'item'; did you mean 'items'?; the columns"),
            ("--history", "user,item\na,x9\n", "item id 'x9' in the history is not Int64, as this run's item ids are"),
            (
                "--new-items",
                "item,size\n9,1\n",
                "this model embeds no new items: the data has no table of items; train",
            ),
            ("--new-users", "user,size\na,1\na,2\n", "the table of new users has user 'a' twice; give each one row"),
        ],
    )
    def test_a_mistake_is_one_line(self, shop, tmp_path: Path, option: str, text: str, line: str) -> None:
        (tmp_path / "new.csv").write_text(text)
        answer = shop("recommend", "--run", "planted", "--out", tmp_path / "recs.csv", option, tmp_path / "new.csv")
        assert answer.refusal(1).startswith(line)
        assert [path.name for path in tmp_path.iterdir()] == ["new.csv"]

    def test_a_file_that_is_not_there_is_one_line(self, shop, tmp_path: Path) -> None:
        answer = shop("recommend", "--run", "planted", "--out", tmp_path / "r", "--history", tmp_path / "none.csv")
        assert answer.refusal(1).startswith("no file or folder ")


@pytest.fixture(scope="module")
def padded(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame):
    """A run whose ids are text that looks like numbers: customers 00001 ..., skus 0010 ..."""
    folder = tmp_path_factory.mktemp("padded")
    shop = opened(folder, planted)
    rows = planted.select(
        pl.format("{}{}", pl.lit("00"), pl.col("user").str.slice(1)).alias("customer"),
        pl.col("item").cast(pl.String).str.zfill(5).alias("sku"),
    )
    rows.write_csv(folder / "buys.csv")
    names = ("--set", "data.user=customer", "--set", "data.item=sku", "--set", "training.epochs=1")
    assert shop("train", "--config", "planted.yaml", *names).code == 0
    return shop


class TestIdsThatAreTextOfDigits:
    def lists(self, padded, *words: object) -> tuple[pl.DataFrame, list[str]]:
        answer = padded("recommend", "--out", "recs.parquet", "-k", 2, *words)
        assert answer.code == 0, answer.err
        return pl.read_parquet(padded.folder / "recs.parquet"), answer.err.splitlines()[:-1]

    @pytest.mark.parametrize(
        ("name", "text", "notes"),
        [
            ("users.csv", "user\n00003\n00007\n", []),
            ("users.csv", "customer,age\n00003,1\n00007,2\n", []),
            ("users.tsv", "user\n00003\n00007\n", []),
            ("users.txt", "00003\n\n 00007\n", []),
            ("users.txt", "customer\n00003\n00007\n", []),
            ("users.csv", "who\n00003\n00007\n", []),
            ("users.csv", "00003\n00007\n", ["{}: the first line, '00003', is a user's id, not a header"]),
            (
                "users.csv",
                "user\n00003\n3\n00007\n",
                ["1 of 3 users are not known, such as '3': they get the most popular items"],
            ),
        ],
    )
    def test_a_file_of_users_is_read_as_it_is_written(self, padded, name: str, text: str, notes: list[str]) -> None:
        path = padded.folder / name
        path.write_text(text)
        expected, _ = self.lists(padded, "--users", "00003,00007")
        assert expected["source"].unique().to_list() == ["model"]
        found, told = self.lists(padded, "--users", path)
        assert found.filter(pl.col("user") != "3").equals(expected)
        assert told == [note.format(path) for note in notes]

    def test_history_and_its_columns_are_read_as_they_are_written(self, padded) -> None:
        (padded.folder / "history.csv").write_text("customer,sku\n00003,00010\n00999,00013\n")
        lists, told = self.lists(padded, "--history", "history.csv", "--users", "00003,00999,")
        assert lists["source"].to_list() == ["fold_in"] * 4
        assert told == ["1 of 2 users of the history are new"]

    @pytest.mark.parametrize(
        ("option", "text", "line"),
        [
            (
                "--users",
                "user\n3\n7\n",
                "none of the 2 users of new.csv is known: they are such as '3', and the known",
            ),
            ("--users", "a,b\n3,4\n", "new.csv has no column 'user'; there are: a, b"),
            (
                "--history",
                "user,item\n00003,10\n",
                "no item of the history is known: they are such as '10', and",
            ),
            ("--history", "user,item\n1,2\n1\n1,2,3,4\n", "new.csv, line 3 has 1 field, not 2; mend it"),
            ("--history", "\x00\xff\x00", "the history has no column 'user'"),
            ("--history", "", "new.csv is empty; it needs a header line"),
        ],
    )
    def test_a_file_whose_ids_match_nobody_is_refused(self, padded, option: str, text: str, line: str) -> None:
        (padded.folder / "new.csv").write_text(text)
        assert padded("recommend", "--out", "r.csv", option, "new.csv").refusal(1).startswith(line)

    def test_a_word_with_a_dot_is_an_id_unless_it_ends_as_a_table_does(self, padded) -> None:
        lists, told = self.lists(padded, "--users", "ana@shop.example")
        assert lists["user"].unique().to_list() == ["ana@shop.example"]
        assert told == ["1 of 1 users are not known, such as 'ana@shop.example': they get the most popular items"]
        lists, _ = self.lists(padded, "--users", "nobody.csv,")
        assert lists["user"].unique().to_list() == ["nobody.csv"]
        assert self.lists(padded, "--users", ",".join(["00003"] * 500))[0].height == 2


class TestRefusals:
    @pytest.mark.parametrize(
        ("words", "code", "answer"),
        [
            (("--run", "plantd"), 1, "no run 'plantd'; did you mean 'planted'?; see reccl runs"),
            (("--users", "nobody.csv"), 1, "no file nobody.csv; name one, or ids as id,id,..."),
            (("--users", ","), 1, "no users asked for; leave --users out to score all"),
            (("--users", "buys.csv", "--run", "xyz"), 1, "no run 'xyz'; see reccl runs"),
            (("--device", "tpu"), 1, "unknown device 'tpu'; choose auto, cpu, cuda or cuda:N"),
        ],
    )
    def test_a_mistake_is_one_line(self, shop, tmp_path: Path, words: tuple[str, ...], code: int, answer: str) -> None:
        told = shop("recommend", "--out", tmp_path / "recs.csv", *words).refusal(code)
        assert told.startswith(answer)
        assert list(tmp_path.iterdir()) == []

    def test_a_file_without_a_user_column_lists_its_columns(self, shop, tmp_path: Path) -> None:
        (tmp_path / "users.csv").write_text("customer,name\n1,a\n")
        told = shop("recommend", "--out", tmp_path / "recs.csv", "--users", tmp_path / "users.csv").refusal(1)
        assert told.endswith("users.csv has no column 'user'; there are: customer, name")

    def test_an_output_that_cannot_be_written(self, shop, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        told = shop("recommend", "--out", tmp_path / "file" / "recs.csv").refusal(1)
        assert told.startswith(f"cannot write to {tmp_path / 'file'}: ")
        assert told.endswith("; choose another --out")
        assert (
            shop("recommend", "--out", tmp_path).refusal(2)
            == f"--out {tmp_path} is a folder; name a file, or {tmp_path}/ for a folder of parts"
        )

    def test_a_user_id_of_another_type_is_named(self, fresh) -> None:
        (fresh.folder / "numbers.csv").write_text(
            "user,item\n" + "".join(f"{u},{i}\n" for u in range(20) for i in range(8))
        )
        overrides = ("data.interactions=numbers.csv", "encoder=null", "objective={}", "scorer.kind=popularity")
        options = [word for override in overrides for word in ("--set", override)]
        assert fresh("train", "--config", "planted.yaml", *options).code == 0
        assert (
            fresh("recommend", "--out", "recs.csv", "--users", "x7").refusal(1).startswith("user id 'x7' is not Int64")
        )
        assert fresh("recommend", "--out", "recs.csv", "--users", "7,99", "-k", 1).code == 0
        assert pl.read_csv(fresh.folder / "recs.csv")["source"].to_list() == ["model", "popularity"]

    def test_without_any_run_it_says_what_to_do_first(self, fresh) -> None:
        assert fresh("recommend", "--out", "recs.csv").refusal(1).startswith("no runs in sqlite:///")


def test_lists_of_a_few_users_are_printed_where_no_file_is_named(shop) -> None:
    answer = shop("recommend", "--run", "planted", "--users", "u001,u002", "-k", 2)
    assert answer.code == 0, answer.err
    header, *rows = answer.out.splitlines()
    assert header.split() == COLUMNS
    assert [row.split()[0] for row in rows] == ["u001", "u001", "u002", "u002"]
    assert shop("recommend", "--run", "planted").refusal(2).startswith("where to? Name a file with --out")


def test_titles_stand_beside_the_items_on_demand(fresh, planted: pl.DataFrame) -> None:
    items = planted.select("item").unique().with_columns(title=pl.format("no. {}", "item"), size=1.0)
    items.write_csv(fresh.folder / "items.csv")
    told = fresh("train", "--config", "planted.yaml", "--set", "data.items=items.csv")
    assert told.code == 0, told.err
    assert fresh("recommend", "--out", "recs.csv", "-k", 2, "--item-columns", "title, size").code == 0
    lists = pl.read_csv(fresh.folder / "recs.csv")
    assert lists.columns == [*COLUMNS, "title", "size"]
    assert lists["title"].to_list() == [f"no. {item}" for item in lists["item"]]
    refusal = fresh("recommend", "--users", "u001", "--item-columns", "titel").refusal(1)
    assert refusal == "the items have no column 'titel'; did you mean 'title'?"


def test_a_model_without_a_table_of_items_has_no_titles(shop) -> None:
    refusal = shop("recommend", "--run", "planted", "--users", "u001", "--item-columns", "title").refusal(1)
    assert refusal == "no column title: this model was trained without a table of items"


def test_a_folder_gets_parts_and_can_be_resumed(shop, tmp_path: Path) -> None:
    words = ("recommend", "--run", "planted", "--out", f"{tmp_path}/lists/", "-k", 3, "--part-users", 90)
    answer = shop(*words, "--shard", "2/2")
    assert answer.code == 0, answer.err
    assert "270 rows in 1 parts of run " in answer.out
    assert answer.out.endswith(f"-> {tmp_path}/lists/; 2 parts are still to come\n")
    assert (
        shop(*words).refusal(2).startswith(f"{tmp_path}/lists has 1 finished parts of the same request: add --resume")
    )
    assert "330 rows in 2 parts, 1 kept of run " in shop(*words, "--resume").out
    parts = pl.read_parquet(tmp_path / "lists")
    assert parts.columns == [*COLUMNS, "run_id"]
    one = written(shop, tmp_path, "-k", 3)
    assert parts.select("user", "item", "rank").equals(one.select("user", "item", "rank"))
    assert shop(*words[:-2], "--resume", "-k", 4).refusal(2).endswith("choose another --out, or ask for the same")
    assert (
        shop("recommend", "--users", "u001", "--resume")
        .refusal(2)
        .startswith("--resume, --shard and --engine ray are for")
    )
