"""A log of events from the command line: weights, repeats that are measured and listed, and what makes no sense."""

from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Shop

CONFIG = """\
name: again
data:
  pipeline: table
  interactions: log.csv
  timestamp: at
  events: {column: event, weights: {view: 1, buy: 10}, targets: [buy]}
  half_life: 30
  split: {kind: temporal, test: 0.2, validation: 0.2}
scorer: {kind: personal_popularity, half_life: 7}
evaluation: {hide: none}
"""
DAY = 24 * 60 * 60


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """Customer c buys item c every day, and looks at another one each time; a model of it is trained."""
    folder = tmp_path_factory.mktemp("shop")
    rows = [
        (f"c{user}", f"i{item}", event, day * DAY)
        for user in range(20)
        for day in range(10)
        for item, event in ((user, "buy"), ((user + day + 1) % 20, "view"))
    ]
    pl.DataFrame(rows, schema=["user", "item", "event", "at"], orient="row").write_csv(folder / "log.csv")
    (folder / "again.yaml").write_text(CONFIG)
    shop = Shop(folder)
    answer = shop("train", "--config", "again.yaml")
    assert answer.code == 0, answer.err
    assert "400 events with a weight -> 320 held-out rows are targets" in answer.out + answer.err
    return shop


def lists(shop: Shop, folder: Path, *words: str) -> pl.DataFrame:
    answer = shop("recommend", "--run", "again", "--out", folder / "recs.parquet", "-k", 1, *words)
    assert answer.code == 0, answer.err
    return pl.read_parquet(folder / "recs.parquet")


def test_what_everybody_buys_again_is_found_and_listed(shop: Shop, tmp_path: Path) -> None:
    assert '"recall_at_10": 1.0' in shop("evaluate", "--run", "again", "--json").out
    table = lists(shop, tmp_path)
    assert table["item"].to_list() == [f"i{user[1:]}" for user in table["user"]]


def test_it_is_left_out_where_that_is_asked_for(shop: Shop, tmp_path: Path) -> None:
    table = lists(shop, tmp_path, "--hide-seen")
    assert not any(item[1:] == user[1:] for user, item in table.select("user", "item").rows())


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("data.events.weights={view: 1}", "is not an event with a weight (view); give it one in events.weights"),
        ("data.events.column=kind", "has no column 'kind'"),
        ("data.events.unknwon=drop", "did you mean 'unknown'?"),
        ("data.half_life=-1", "data.half_life: input should be greater than 0"),
        ("data.weight=event", "is not a number above 0; mend it, or leave such rows out"),
        ("data.duplicates=often", "data.duplicates: input should be 'first', 'last', 'error', 'sum' or 'count'"),
        ("evaluation.hide=known", "row is a repeat of that: set evaluation.hide=none"),
    ],
)
def test_what_makes_no_sense_is_one_line(shop: Shop, change: str, message: str) -> None:
    answer = shop("train", "--config", "again.yaml", "--set", "data.events.targets=[]", "--set", change)
    if "hide" in change:
        answer = shop("train", "--config", "again.yaml", "--set", change)
    assert answer.code in (1, 2)
    assert "Traceback" not in answer.err
    assert message in answer.err.splitlines()[-1], answer.err
