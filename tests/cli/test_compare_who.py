"""`reccl compare --who` names the users and items that a pair of runs differs on; the pair is made by hand."""

import json
import shutil
from pathlib import Path

import polars as pl
import pytest

from reccl.data.dataset import Dataset
from tests.cli.conftest import Shop

DATA = ("--data", "described.yaml")


@pytest.fixture(scope="module")
def shop(shop: Shop, tmp_path_factory: pytest.TempPathFactory) -> Shop:
    """A copy: recorded lists are runs without a model, which others do not expect."""
    return Shop(shutil.copytree(shop.folder, tmp_path_factory.mktemp("who") / "shop"))


@pytest.fixture(scope="module")
def pair(shop, planted: pl.DataFrame) -> tuple[str, str, dict[str, list[int]]]:
    """Two recorded runs of lists alike but for three users; the id of both, and the test items of the three.

    Of u000 all test items stand first in the lists of `ours`, of u001 the first one; of u002 those of `base` have one.
    """
    names = planted["item"].unique().sort().to_frame().with_columns(title=pl.format("film {}", "item"))
    names.write_csv(Path(shop.folder, "films.csv"))
    Path(shop.folder, "described.yaml").write_text("pipeline: table\ninteractions: buys.csv\nitems: films.csv\n")
    data = Dataset.from_frame(planted)
    held = {
        user: data.to_frame("test").filter(pl.col("user") == user)["item"].sort().to_list()
        for user in ("u000", "u001", "u002")
    }
    known = data.to_frame("train")
    filler = {user: known.filter(pl.col("user") == user)["item"].to_list()[:5] for user in data.user_ids.ids.to_list()}

    def record(name: str, first: dict[str, list[int]]) -> str:
        rows = [
            (user, item, rank)
            for user, had in filler.items()
            for rank, item in enumerate(dict.fromkeys([*first.get(user, []), *had]), 1)
        ]
        table = pl.DataFrame(rows, schema=["user", "item", "rank"], orient="row")
        table.write_parquet(Path(shop.folder, f"{name}.parquet"))
        answer = shop("evaluate", "--recs", f"{name}.parquet", *DATA, "--record", name, "--json")
        assert answer.code == 0, answer.err
        return str(json.loads(answer.out)["run"])

    ours = record("ours", {"u000": held["u000"], "u001": held["u001"][:1]})
    return ours, record("base", {"u002": held["u002"][:1]}), held


def test_those_who_won_and_lost_are_named(shop, pair) -> None:
    ours, base, held = pair
    found = json.loads(shop("compare", ours, base, "--who", 5, "--json").out)["who"]
    assert found["runs"] == [ours, base]
    users, items = found["users"], found["items"]
    assert [row["user"] for row in users["won"]] == ["u000", "u001"]
    assert users["won"][0]["value"] == pytest.approx(1)
    assert [row["user"] for row in users["lost"]] == ["u002"]
    assert (users["better"], users["worse"]) == (pytest.approx(2 / 200), pytest.approx(1 / 200))
    gained = {item: 0 for user in held for item in held[user]}
    for user, item, by in [*(("u000", each, 1) for each in held["u000"]), ("u001", held["u001"][0], 1)]:
        assert item in held[user]
        gained[item] += by
    gained[held["u002"][0]] -= 1
    expected = {item: by for item, by in gained.items() if by}
    assert {row["item"]: row["gain"] for row in [*items["won"], *items["lost"]]} == expected
    assert {row["title"] for row in items["won"]} == {f"film {item}" for item, by in expected.items() if by > 0}
    assert (items["k"], items["more"]) == (10, sum(by > 0 for by in expected.values()))


def test_people_read_tables_and_the_report_has_them_always(shop, pair) -> None:
    ours, base, _ = pair
    answer = shop("compare", ours, base, "--who", 1, "--html", "who.html")
    assert "users: of 200, 1.0% have a higher ndcg@10 under ours than under base, 98.5% the same, 0.5% a lower one" in (
        answer.out
    )
    (won,) = [line.split() for line in answer.out.splitlines() if line.startswith("u000")]
    assert won == ["u000", "1.0000", "0.0000", "+1.0000"]
    assert "u001" not in answer.out  # one on each side
    assert "film " in answer.out
    assert "Who won and who lost" in (shop.folder / "who.html").read_text()
    assert shop("compare", ours, base, "--html", "all.html").code == 0
    page = (shop.folder / "all.html").read_text()
    assert all(word in page for word in ("items that won most", "users who lost most", "u001", "u002", "film "))
    assert "who won most" not in shop("compare", ours, base).out


def test_a_baseline_that_is_better_turns_the_pair_around(shop, pair) -> None:
    ours, base, _ = pair
    found = json.loads(shop("compare", base, "--baseline", ours, "--who", 5, "--json").out)["who"]
    assert found["runs"] == [base, ours]
    assert [row["user"] for row in found["users"]["lost"]] == ["u000", "u001"]


def test_a_run_from_before_says_in_one_line_that_it_has_none(shop, pair) -> None:
    ours, base, _ = pair
    kept = shop.folder / "mlruns" / "artifacts" / base / "artifacts" / "per_item" / "test.parquet"
    moved = kept.rename(kept.with_suffix(".away"))
    try:
        answer = shop("compare", ours, base, "--who", 2)
        assert f"run {base[:8]} (base) keeps no hits of items: train it again to see which items won" in answer.out
        assert "users who won most" in answer.out
    finally:
        moved.rename(kept)


def test_a_trained_run_keeps_them(shop) -> None:
    run = json.loads(shop("runs", "--json").out)[-1]["id"]
    table = pl.read_parquet(shop.folder / "mlruns" / "artifacts" / run / "artifacts" / "per_item" / "test.parquet")
    assert {"item", "relevant", "hits_at_10", "listed_at_10"} <= set(table.columns)
    metrics = json.loads(shop("evaluate", "--run", run, "--json").out)["metrics"]
    users = pl.read_parquet(shop.folder / "mlruns" / "artifacts" / run / "artifacts" / "per_user" / "test.parquet")
    assert table["hits_at_10"].sum() == pytest.approx(10 * metrics["precision_at_10"] * len(users), rel=1e-4)
