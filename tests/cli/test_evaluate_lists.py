"""`reccl evaluate --recs` measures a file of lists as it measures a model, and counts what is odd about them."""

import json
from pathlib import Path

import polars as pl
import pytest

from reccl.data.dataset import Dataset

DATA = ("--data", "planted.yaml")


@pytest.fixture
def lists(shop) -> Path:
    """The lists of a trained model, 20 a user, in a folder of their own."""
    path = Path(shop.folder, "mine.parquet")
    if not path.exists():
        assert shop("recommend", "--run", "planted", "--k", 20, "--out", path).code == 0
    return path


def measured(answer) -> dict:
    assert answer.code == 0, answer.err
    return json.loads(answer.out)


def test_a_models_own_lists_have_its_recorded_metrics_and_nothing_odd(shop, lists: Path) -> None:
    found = measured(shop("evaluate", "--recs", lists, *DATA, "--json"))
    own = measured(shop("evaluate", "--run", "planted", "--json"))["metrics"]
    assert found["metrics"] == pytest.approx(own)
    odd = ("users_without_list", "unknown_users", "unknown_items", "seen_items", "short_lists", "repeated_rows")
    assert [found[name] for name in odd] == [0] * 6
    assert not found["looks_sampled"]
    of_run = measured(shop("evaluate", "--recs", lists, "--run", "planted", "--json"))
    assert of_run["metrics"] == found["metrics"]
    assert of_run["digest"] == found["digest"]


@pytest.mark.parametrize("suffix", ["csv", "tsv", "parquet"])
def test_formats_and_the_order_by_rank_or_score_do_not_matter(shop, lists: Path, suffix: str) -> None:
    table, path = pl.read_parquet(lists).sample(fraction=1, shuffle=True, seed=1), Path(shop.folder, f"theirs.{suffix}")
    by = "rank" if suffix == "tsv" else "score"
    some = table.select("user", "item", by)
    some.write_parquet(path) if suffix == "parquet" else some.write_csv(
        path, separator="\t" if suffix == "tsv" else ","
    )
    found = measured(shop("evaluate", "--recs", path, *DATA, "--json"))["metrics"]
    expected = measured(shop("evaluate", "--recs", lists, *DATA, "--json"))["metrics"]
    assert found["ndcg_at_20"] == pytest.approx(expected["ndcg_at_20"], abs=1e-3)  # equal scores may change places


def test_what_is_odd_is_counted(shop, lists: Path, planted: pl.DataFrame) -> None:
    table = pl.read_parquet(lists).sort("user", "rank").select("user", "item", "rank")
    users = table["user"].unique(maintain_order=True)
    data = Dataset.from_frame(planted)
    had = data.to_frame("train").filter(pl.col("user") == users[0])["item"][0]
    odd = pl.concat(
        [
            pl.DataFrame({"user": [users[0], users[0]], "item": [had, 424_242], "rank": [-2, -1]}),
            table.filter((pl.col("user") != users[1]) | (pl.col("rank") <= 5)).filter(pl.col("user") != users[2]),
            table.filter((pl.col("user") == users[3]) & (pl.col("rank") == 1)).with_columns(rank=pl.lit(99)),
            pl.DataFrame({"user": ["nobody"], "item": [had], "rank": [1]}),
        ],
        how="vertical_relaxed",
    )
    path = Path(shop.folder, "odd.csv")
    odd.write_csv(path)
    found = measured(shop("evaluate", "--recs", path, *DATA, "--json"))
    assert {name: found[name] for name in ("seen_items", "unknown_items", "unknown_users", "repeated_rows")} == {
        "seen_items": 1,
        "unknown_items": 1,
        "unknown_users": 1,
        "repeated_rows": 1,
    }
    assert (found["short_lists"], found["users_without_list"]) == (1, 1)
    shown = shop("evaluate", "--recs", path, *DATA)
    assert "seen items" in shown.out


def test_ids_of_a_file_are_read_in_the_types_of_the_data(shop) -> None:
    rows = [(f"{user:03}", f"{item:04}") for user in range(30) for item in range(user % 5, user % 5 + 10)]
    pl.DataFrame(rows, schema=["user", "item"], orient="row").write_csv(Path(shop.folder, "zeros.csv"))
    Path(shop.folder, "zeros.yaml").write_text("pipeline: table\ninteractions: zeros.csv\nids: string\n")
    Path(shop.folder, "zero-lists.csv").write_text("user,item\n000,0007\n001,0008\n")
    found = measured(shop("evaluate", "--recs", "zero-lists.csv", "--data", "zeros.yaml", "--json"))
    assert (found["unknown_users"], found["unknown_items"]) == (0, 0)


def test_lists_drawn_around_the_test_are_labelled(shop, planted: pl.DataFrame) -> None:
    data = Dataset.from_frame(planted)
    path = Path(shop.folder, "sampled.parquet")
    data.to_frame("test").select("user", "item").write_parquet(path)
    answer = shop("evaluate", "--recs", path, *DATA)
    assert "note: 100% of the held-out pairs are in the lists: candidates were drawn around them" in answer.err
    assert measured(shop("evaluate", "--recs", path, *DATA, "--json"))["looks_sampled"]


def test_recorded_lists_stand_beside_a_model_with_an_interval(fresh, planted: pl.DataFrame) -> None:
    assert fresh("train", "--config", "planted.yaml", "--no-plots").code == 0
    data = Dataset.from_frame(planted)
    popular = data.to_frame("train")["item"].value_counts(sort=True)["item"].head(20)
    users = data.user_ids.ids.alias("user").to_frame()
    users.join(popular.to_frame(), how="cross").write_parquet(Path(fresh.folder, "theirs.parquet"))
    found = measured(fresh("evaluate", "--recs", "theirs.parquet", *DATA, "--record", "theirs", "--json"))
    assert found["run"]
    assert found["seen_items"] > 0
    compared = measured(fresh("compare", "planted", "theirs", "--json"))
    assert [run["name"] for run in compared["runs"]] == ["planted", "theirs"]
    assert compared["runs"][0]["interval"]["users"] == 200
    assert compared["runs"][1]["metrics"]["test/ndcg_at_10"] == pytest.approx(found["metrics"]["ndcg_at_10"])
    assert measured(fresh("runs", "--json"))[0]["name"] == "theirs"


@pytest.mark.parametrize(
    ("words", "code", "line"),
    [
        (("--recs", "gone.csv", *DATA), 1, "no file gone.csv"),
        (("--recs", "buys.csv", *DATA, "--metrics", "all"), 2, "--recs measures lists as they are"),
        (("--recs", "buys.csv", "--set", "seed=1"), 2, "--set is for --data"),
        ((*DATA,), 2, "--data, --set and --record are for --recs"),
        (("--recs", "planted.yaml", *DATA), 1, ""),
        (("--recs", "buys.csv", "--data", "ml-100q"), 2, ""),
    ],
)
def test_what_cannot_be_meant_is_one_line(shop, words: tuple[str, ...], code: int, line: str) -> None:
    assert shop("evaluate", *words).refusal(code).startswith(line)
