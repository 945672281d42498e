"""`reccl recommend` under rules: what the options say is what stands in the lists."""

import json
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Shop


def lists(shop: Shop, folder: Path, *words: object) -> tuple[pl.DataFrame, str]:
    answer = shop("recommend", "--run", "planted", "--out", folder / "recs.parquet", *words)
    assert answer.code == 0, answer.err
    return pl.read_parquet(folder / "recs.parquet"), answer.err


def test_allowed_and_denied_items(shop: Shop, tmp_path: Path) -> None:
    (tmp_path / "allow.csv").write_text("item\n10\n13\n16\n19\n99999\n")
    table, notes = lists(shop, tmp_path, "--allow", tmp_path / "allow.csv", "--deny", "13,", "-k", 5)
    assert set(table["item"]) == {10, 16, 19}
    assert "1 of 5 items of allow are not known" in notes
    assert "lists have fewer than 5 items: the rules leave 3 of 120" in notes


def test_excluded_pairs_and_candidates_of_a_user(shop: Shop, tmp_path: Path) -> None:
    first, _ = lists(shop, tmp_path, "--users", "u001,u002", "-k", 3)
    best = first.filter(pl.col("user") == "u001")["item"].to_list()
    (tmp_path / "not.csv").write_text(f"user,item\nu001,{best[0]}\n")
    (tmp_path / "only.csv").write_text(f"user,item\nu001,{best[0]}\nu001,{best[2]}\n")
    table, _ = lists(shop, tmp_path, "--users", "u001,u002", "-k", 3, "--exclude", tmp_path / "not.csv")
    assert table.filter(pl.col("user") == "u001")["item"].to_list()[:2] == best[1:]
    assert table.filter(pl.col("user") == "u002").equals(first.filter(pl.col("user") == "u002"))
    words = ("--exclude", tmp_path / "not.csv", "--candidates", tmp_path / "only.csv")
    table, notes = lists(shop, tmp_path, "--users", "u001,u002", "-k", 3, *words)
    assert table.filter(pl.col("user") == "u001")["item"].to_list() == [best[2]]
    assert "1 of 2 lists have fewer than 3 items" in notes


def test_a_stranger_gets_the_most_popular_of_what_is_allowed(shop: Shop, tmp_path: Path) -> None:
    everything, _ = lists(shop, tmp_path, "--users", "zoe,", "-k", 120)
    half = everything["item"].gather_every(2)
    table, _ = lists(shop, tmp_path, "--users", "zoe,", "-k", 60, "--allow", ",".join(map(str, half)))
    assert set(table["source"]) == {"popularity"}
    assert table["score"].to_list() == everything["score"].gather_every(2).to_list()
    assert set(table["item"]) == set(half)


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--where", "price < 5"), 1, "rules about columns need a table of items"),
        (("--at-most", "genre=2"), 1, "rules about columns need a table of items"),
        (("--at-most", "genre"), 2, "--at-most genre: write it as"),
        (("--at-most", "genre=0"), 2, "at_most genre=0: at least one"),
        (("--at-most", "genre=two"), 2, "--at-most genre=two: 'two' is not a whole number"),
        (("--mmr", "2"), 2, "mmr weight 2.0: it is a share"),
        (("--mmr", "x"), 2, "--mmr: 'x' is not a number"),
        (("--mmr", "0.3", "--calibrate", "genre=0.3"), 2, "--mmr and --calibrate are two ways"),
        (("--allow", "x,y"), 1, "none of the items of allow is known"),
        (("--deny", "no.csv"), 1, "no file no.csv"),
        (("--exclude", "no.csv"), 1, ""),
        (("--show", "--out", "a.csv"), 2, "--show is for a few users"),
    ],
)
def test_what_cannot_be_is_one_line(shop: Shop, words: tuple[str, ...], code: int, line: str) -> None:
    assert shop("recommend", "--run", "planted", "--users", "u001", *words).refusal(code).startswith(line)


def test_show_prints_what_a_user_has(shop: Shop, planted: pl.DataFrame) -> None:
    answer = shop("recommend", "--run", "planted", "--users", "u001,zoe", "-k", 2, "--show")
    assert answer.code == 0, answer.err
    lines = answer.out.splitlines()
    count = int(lines[0].removeprefix("user u001 has ").removesuffix(" items"))
    having = {int(line) for line in lines[2 : 2 + count]}
    assert 0 < len(having) == count
    assert having <= set(planted.filter(pl.col("user") == "u001")["item"])
    assert "user zoe is not known" in lines


def test_evaluate_measures_lists_before_and_after_rules(shop: Shop) -> None:
    plain = json.loads(shop("evaluate", "--run", "planted", "--json").out)["metrics"]
    answer = shop("evaluate", "--run", "planted", "--mmr", "0.5", "--json")
    assert answer.code == 0, answer.err
    measured = json.loads(answer.out)["metrics"]
    assert list(measured) == ["before", "after"]
    assert measured["before"]["ndcg_at_10"] == pytest.approx(plain["ndcg_at_10"])
    assert measured["after"]["intra_list_diversity_at_10"] > measured["before"]["intra_list_diversity_at_10"]
    answer = shop("evaluate", "--run", "planted", "--metrics", "all")
    assert "gini_at_10" in answer.out and "miscalibration" not in answer.out
    assert shop("evaluate", "--run", "planted", "--by", "genre").refusal(2).startswith("--by is for --metrics all")


def test_conditions_and_caps_reach_into_nested_columns(fresh: Shop, planted: pl.DataFrame) -> None:
    items = planted.select("item").unique(maintain_order=True)
    color = pl.when(pl.col("item") % 2 == 0).then(pl.lit("red")).otherwise(pl.lit("blue"))
    size = pl.col("item") % 5
    items.with_columns(details=pl.struct(color=color, size=size)).write_parquet(fresh.folder / "items.parquet")
    assert fresh("train", "--config", "planted.yaml", "--set", "data.items=items.parquet").code == 0
    table, _ = lists(fresh, fresh.folder, "--where", "details.color == 'red'", "-k", 5)
    assert table.height == 1000
    assert set(table["item"] % 2) == {0}
    table, _ = lists(fresh, fresh.folder, "--at-most", "details.size=1", "-k", 5)
    assert table.height == 1000
    assert table.with_columns(table["item"] % 5).group_by("user").n_unique()["item"].to_list() == [5] * 200
    answer = fresh("recommend", "--out", "recs.csv", "--where", "details.colour == 'red'")
    assert "no column 'details.colour'; did you mean 'details.color'" in answer.refusal(2)
