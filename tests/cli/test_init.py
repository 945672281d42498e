"""`reccl init` writes a config that trains as it is, whatever shape the files have."""

import json
import sys
from collections.abc import Callable
from io import StringIO
from pathlib import Path

import polars as pl
import pytest
import yaml

from reccl.config_file import read_yaml

Write = Callable[[pl.DataFrame, Path], object]
QUICK = ("--set", "training.epochs=1", "--set", "training.evaluate_every=1", "--quiet")


def separated(separator: str, name: str) -> tuple[str, Write]:
    return name, lambda frame, folder: frame.write_csv(folder / name, separator=separator)


def iso(frame: pl.DataFrame, form: str = "%Y-%m-%d %H:%M:%S") -> pl.DataFrame:
    return frame.with_columns(pl.from_epoch("timestamp").dt.strftime(form))


def padded(frame: pl.DataFrame) -> pl.DataFrame:
    return frame.with_columns(pl.col("item").cast(pl.String).str.zfill(6))


def in_days(frame: pl.DataFrame, folder: Path) -> None:
    """A folder a day, without times in the files."""
    days = frame.with_columns(pl.from_epoch("timestamp").dt.strftime("%Y-%m-%d").alias("dt")).drop("timestamp")
    for (day,), some in days.partition_by("dt", as_dict=True, include_key=False).items():
        (folder / "orders" / f"dt={day}").mkdir(parents=True)
        some.write_parquet(folder / "orders" / f"dt={day}" / "part-0.parquet")


def in_parts(frame: pl.DataFrame, folder: Path) -> None:
    (folder / "logs").mkdir()
    for part in range(3):
        frame[part::3].write_csv(folder / "logs" / f"{part}.csv")


SHAPES: dict[str, tuple[str, Write, dict[str, object]]] = {
    "folders of partitions": ("orders", in_days, {"timestamp": "dt"}),
    "a pattern": ("logs/*.csv", in_parts, {"timestamp": "timestamp"}),
    "csv, whole seconds": (*separated(",", "orders.csv"), {"timestamp": "timestamp"}),
    "csv with semicolons": (*separated(";", "orders.csv"), {"separator": ";"}),
    "tsv": (*separated("\t", "orders.tsv"), {}),
    "csv with tabs and another suffix": (*separated("\t", "orders.inter"), {"format": "csv", "separator": "\t"}),
    "csv, milliseconds": (
        "orders.csv",
        lambda frame, folder: frame.with_columns(pl.col("timestamp") * 1000).write_csv(folder / "orders.csv"),
        {"time_unit": "ms"},
    ),
    "csv, ISO times and padded ids": (
        "orders.csv",
        lambda frame, folder: padded(iso(frame)).write_csv(folder / "orders.csv"),
        {"timestamp": "timestamp"},
    ),
    "csv, days": (
        "orders.csv",
        lambda frame, folder: iso(frame, "%Y-%m-%d").write_csv(folder / "orders.csv"),
        {"timestamp": "timestamp"},
    ),
    "csv, American times": (
        "orders.csv",
        lambda frame, folder: iso(frame, "%m/%d/%Y %H:%M").write_csv(folder / "orders.csv"),
        {"time_format": "%m/%d/%Y %H:%M"},
    ),
    "csv, days as numbers": (
        "orders.csv",
        lambda frame, folder: iso(frame, "%Y%m%d").write_csv(folder / "orders.csv"),
        {"time_format": "%Y%m%d"},
    ),
    "csv, no time, ratings": (
        "orders.csv",
        lambda frame, folder: frame.select("user", "item", stars=pl.int_range(pl.len()) % 5 + 1).write_csv(
            folder / "orders.csv"
        ),
        {"rating": "stars"},
    ),
    "csv, liked or not": (
        "orders.csv",
        lambda frame, folder: frame.select(
            "user", "item", liked=(pl.int_range(pl.len()) % 5 > 0).cast(pl.Int8)
        ).write_csv(folder / "orders.csv"),
        {"rating": "liked", "minimum_rating": 1},
    ),
    "csv, names that say nothing": (
        "orders.csv",
        lambda frame, folder: frame.rename({"user": "a", "item": "b", "timestamp": "c"}).write_csv(
            folder / "orders.csv"
        ),
        {"user": "a", "item": "b", "timestamp": "c"},
    ),
    "csv, parts": (
        "orders.csv",
        lambda frame, folder: frame.with_columns(
            part=pl.when(pl.int_range(pl.len()) % 5 == 0).then(pl.lit("test")).otherwise(pl.lit("train"))
        ).write_csv(folder / "orders.csv"),
        {"part": "part", "split": {"kind": "predefined"}},
    ),
    "parquet with times": (
        "orders.parquet",
        lambda frame, folder: frame.with_columns(pl.from_epoch("timestamp")).write_parquet(folder / "orders.parquet"),
        {"timestamp": "timestamp"},
    ),
    "json lines": ("orders.jsonl", lambda frame, folder: frame.write_ndjson(folder / "orders.jsonl"), {}),
    "arrow": ("orders.arrow", lambda frame, folder: frame.write_ipc(folder / "orders.arrow"), {}),
    "a folder": (
        "orders",
        lambda frame, folder: [
            (folder / "orders").mkdir(),
            frame.head(1800).write_csv(folder / "orders" / "1.csv"),
            frame.tail(1800).write_csv(folder / "orders" / "2.csv"),
        ],
        {"interactions": "orders"},
    ),
}


@pytest.mark.parametrize("shape", SHAPES)
def test_the_config_of_a_table_of_any_shape_trains(fresh, planted: pl.DataFrame, shape: str) -> None:
    name, write, keys = SHAPES[shape]
    write(planted, fresh.folder)
    made = fresh("init", name)
    assert made.code == 0, made.err
    config = f"{name.partition('/')[0].partition('.')[0]}.yaml"
    assert made.err.splitlines()[-1] == f"next: reccl train --config {config}"
    data = yaml.safe_load((fresh.folder / config).read_text())["data"]
    assert {key: data.get(key) for key in keys} == keys
    trained = fresh("train", "--config", config, *QUICK, "--json")
    assert trained.code == 0, trained.err
    assert json.loads(trained.out)[0]["test"]["recall_at_10"] > 0.1


def test_weights_and_kinds_of_events_are_written_to_be_taken_up(fresh, planted: pl.DataFrame) -> None:
    log = planted.with_columns(
        event=pl.Series(["view", "view", "addtocart", "buy"] * 900), Quantity=pl.Series([1, -2] * 1800)
    )
    log.write_csv(fresh.folder / "log.csv")
    assert fresh("init", "log.csv").code == 0
    text = (fresh.folder / "log.yaml").read_text()
    assert "# weight: Quantity" in text and "Numbers from -2 on: those that are not above 0 are refused." in text
    weights = "weights: {view: 1, addtocart: 3, buy: 10}}"
    assert f"# events: {{column: event, {weights}" in text
    taken = text.replace("# events: ", "events: ").replace("duplicates: last", "duplicates: sum")
    (fresh.folder / "log.yaml").write_text(taken)
    described = fresh("data", "describe", "--config", "log.yaml")
    assert described.code == 0, described.err
    assert yaml.safe_load(taken)["data"]["events"]["weights"] == {"view": 1, "addtocart": 3, "buy": 10}


class TestFeatures:
    @pytest.fixture
    def described(self, fresh, planted_users: pl.DataFrame, planted_items: pl.DataFrame):
        """The shop with tables of items and users, the ids of users under another name."""
        items = planted_items.with_columns(
            pl.col("tags").list.join("|"), name="item no " + pl.col("item").cast(pl.String)
        )
        items.write_csv(fresh.folder / "products.csv")
        planted_users.drop("tags").rename({"user": "customer"}).write_csv(fresh.folder / "customers.csv")
        return fresh

    def test_features_come_with_a_cold_start_that_uses_them(self, described) -> None:
        made = described("init", "buys.csv", "--items", "products.csv", "--users", "customers.csv")
        assert made.code == 0, made.err
        raw = yaml.safe_load((described.folder / "buys.yaml").read_text())
        assert raw["data"]["users_id"] == "customer"
        assert "items_id" not in raw["data"]
        assert raw["data"]["features"]["items"]["tags"] == {"kind": "multi_hot"}
        assert raw["data"]["features"]["items"]["name"] == {"kind": "text"}
        assert raw["cold_start"]["items"] == raw["cold_start"]["users"] == {"kind": "regression"}
        changes = ("--set", "data.split={kind: cold_items, cold: 0.3}")
        (outcome,) = json.loads(described("train", "--config", "buys.yaml", *QUICK, *changes, "--json").out)
        without = json.loads(
            described("train", "--config", "buys.yaml", *QUICK, *changes, "--set", "cold_start=null", "--json").out
        )
        assert outcome["test"]["cold/ndcg_at_10"] > 1.2 * without[0]["test"]["cold/ndcg_at_10"]

    def test_what_the_columns_are_is_shown(self, described) -> None:
        shown = described("init", "buys.csv", "--items", "products.csv").out
        assert "products.csv: items by item" in shown
        assert ["tags", "multi_hot"] in [line.split()[:2] for line in shown.splitlines()]


class TestTheFile:
    def test_every_key_of_the_config_has_a_comment(self, fresh) -> None:
        assert fresh("init", "buys.csv").code == 0
        lines = (fresh.folder / "buys.yaml").read_text().splitlines()
        assert lines[1] == "# reccl train --config buys.yaml"
        keys = [line for line in lines if line.strip() and not line.strip().startswith("#")]
        plain = [line for line in keys if "#" not in line]
        parts = {"data:", "ranking:", "vectors:", "directions:", "items:", "factors:", "pairs:", "neighbors:"}
        assert {line.strip() for line in plain if not line.strip().startswith("kind: ")} <= parts
        assert all(len(line) <= 120 for line in lines)

    def test_the_model_is_that_of_the_bundled_best(self, fresh) -> None:
        assert fresh("init", "buys.csv").code == 0
        raw = yaml.safe_load((fresh.folder / "buys.yaml").read_text())
        best, _ = read_yaml(Path(__file__).parents[2] / "configs" / "best.yaml")
        sections = ("encoder", "objective", "scorer", "training", "evaluation")
        assert {section: raw[section] for section in sections} == {section: best[section] for section in sections}

    def test_an_existing_file_is_kept(self, fresh) -> None:
        assert fresh("init", "buys.csv").code == 0
        before = (fresh.folder / "buys.yaml").read_text()
        told = fresh("init", "buys.csv", "--timestamp", "none").refusal(2)
        assert told == "buys.yaml exists; name another file with --out, or replace it with --force"
        assert (fresh.folder / "buys.yaml").read_text() == before
        assert fresh("init", "buys.csv", "--timestamp", "none", "--force").code == 0
        assert "timestamp" not in yaml.safe_load((fresh.folder / "buys.yaml").read_text())["data"]
        assert fresh("init", "buys.csv", "--out", "configs/mine.yaml").code == 0
        assert (fresh.folder / "configs" / "mine.yaml").is_file()

    def test_scripts_get_json_and_nothing_else(self, fresh) -> None:
        answer = fresh("init", "buys.csv", "--json")
        assert json.loads(answer.out)["columns"]["user"] == "user"
        assert "next:" not in answer.err


class TestQuestions:
    @pytest.fixture
    def answered(self, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
        """A terminal at which these lines are typed."""

        def answer(*lines: str) -> None:
            typed = StringIO("".join(f"{line}\n" for line in lines))
            typed.isatty = lambda: True  # type: ignore[method-assign]
            monkeypatch.setattr(sys, "stdin", typed)

        return answer

    def test_a_person_may_take_another_column(self, fresh, answered: Callable[..., None]) -> None:
        answered("", "timestamp", "none", "")
        assert fresh("init", "buys.csv").code == 0
        data = yaml.safe_load((fresh.folder / "buys.yaml").read_text())["data"]
        assert (data["user"], data["item"], data.get("timestamp")) == ("user", "timestamp", None)

    def test_a_column_that_is_not_there_is_asked_for_again(self, fresh, answered: Callable[..., None]) -> None:
        answered("usr", "user", "", "", "")
        answer = fresh("init", "buys.csv")
        assert answer.code == 0
        assert "no column 'usr'; there are: item, timestamp, user" in answer.err

    def test_what_an_option_says_is_not_asked(self, fresh, answered: Callable[..., None]) -> None:
        answered()
        words = ("--user", "user", "--item", "item", "--timestamp", "none", "--rating", "none")
        assert fresh("init", "buys.csv", *words).code == 0

    def test_yes_asks_nothing(self, fresh, answered: Callable[..., None]) -> None:
        answered()
        assert fresh("init", "buys.csv", "--yes").code == 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("text", "words", "code", "told"),
        [
            (
                "who,what,x\na,b,c\n",
                (),
                2,
                "cannot tell which column of t.csv holds the user; there are what, who, x; ",
            ),
            (
                "user,item\nu,i\nv,i\n",
                ("--item", "user", "--user", "user"),
                2,
                "column 'user' cannot be both user and item; ",
            ),
            ("user,item\nu,i\nv,i\n", ("--item", "itm"), 2, "--item: no column 'itm'; did you mean 'item'?"),
            ("user,item,at\nu,i,x\nv,i,y\n", ("--timestamp", "at"), 2, "column 'at' holds no times that can be read, "),
            ("user,item,r\nu,i,x\nv,i,y\n", ("--rating", "r"), 2, "column 'r' holds no numbers, but x, y; "),
            ("1,2\n3,4\n", (), 1, "t.csv has no header line: it begins with '1,2'; put one on top, such as user,item"),
        ],
    )
    def test_what_cannot_be_is_one_line(self, fresh, text: str, words: tuple[str, ...], code: int, told: str) -> None:
        (fresh.folder / "t.csv").write_text(text)
        answer = fresh("init", "t.csv", *words)
        assert answer.code == code
        assert answer.err.splitlines()[-1].startswith(f"error: {told}")
        assert not (fresh.folder / "t.yaml").exists()

    def test_a_file_that_is_not_there_gets_the_nearest(self, fresh) -> None:
        assert fresh("init", "buy.csv").refusal(1).startswith("no file or folder buy.csv; did you mean 'buys.csv'?")
