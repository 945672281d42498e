"""The peers' table goes through from end to end, with a library that the test makes up, and measures what it says."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import polars as pl
import pytest

from reccl.data.dataset import Dataset
from reccl.evaluation.lists import evaluate_lists

ROOT = Path(__file__).parents[2]
FAKE = '''
"""A library of popular items, and one that is broken."""

import numpy as np

from method import Method, best_unseen

PACKAGE, MODULES = "numpy", ("numpy",)


def fit(rows, settings, seed, threads):
    strength = np.asarray(rows.learned.sum(0)).ravel() * settings.get("sign", -1)

    def recommend(users, k):
        return best_unseen(np.tile(strength, (len(users), 1)), rows.learned[users], k)

    return recommend


def fail(rows, settings, seed, threads):
    raise ValueError("no such thing")


METHODS = {"popular": Method(fit, {"sign": [1]}, chance=False), "broken": Method(fail, {}, chance=False)}
'''
ABSENT = 'PACKAGE, MODULES, METHODS = "absent", ("no_such_library",), {}\n'


def call(folder: Path, *words: str) -> str:
    """What the command printed."""
    command = [sys.executable, ROOT / "benchmarks" / "peers.py", *words]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory, planted: pl.DataFrame) -> tuple[Path, str, Dataset]:
    """The folder that the command wrote, what it printed, and the data it was of."""
    folder = tmp_path_factory.mktemp("peers")
    planted.write_csv(folder / "buys.csv")
    (folder / "shop.yaml").write_text("pipeline: table\ninteractions: buys.csv\n")
    (folder / "fake.py").write_text(FAKE)
    (folder / "absent.py").write_text(ABSENT)
    words = ["--data", "shop.yaml", "--peers", "fake.py", "absent.py", "--methods", "popular", "broken", "reccl/ease"]
    told = call(folder, *words, "--trials", "1", "--seeds", "2", "--out", "made")
    return folder / "made", told, Dataset.from_frame(planted)


def test_every_library_is_a_row_or_a_reason(made) -> None:
    _, told, _ = made
    assert "absent: not installed: ModuleNotFoundError: No module named 'no_such_library'" in told
    assert "fake broken: failed: ValueError: no such thing" in told
    rows = [line.strip("| ").split(" | ")[:4] for line in told.splitlines() if line.startswith(("| fake", "| reccl"))]
    assert ["fake", "popular", "as is", "1"] in rows
    assert ["fake", "popular", "tuned", "1"] in rows
    assert ["reccl", "ease"] in [row[:2] for row in rows]
    assert "best by validation, reccl ease against fake popular: test NDCG@20 +" in told
    assert "- fake popular: sign 1 (" in told


def test_what_is_measured_is_what_lists_of_popular_items_have(made) -> None:
    folder, told, data = made
    both = pl.concat([data.train, data.validation])
    strength = np.bincount(both["item"], minlength=len(data.item_ids))
    had = {user: set(items) for user, items in both.group_by("user").agg("item").iter_rows()}
    rows = [
        (data.user_ids.ids[user], data.item_ids.ids[int(item)], place)
        for user in data.test["user"].unique().sort()
        for place, item in enumerate(
            [item for item in np.argsort(-strength, kind="stable") if item not in had[user]][:20]
        )
    ]
    expected = evaluate_lists(pl.DataFrame(rows, schema=["user", "item", "rank"], orient="row"), data)
    written = evaluate_lists(pl.read_parquet(folder / "fake" / "popular" / "tuned-42" / "lists.parquet"), data)
    assert written["ndcg_at_20"] == pytest.approx(expected["ndcg_at_20"], abs=0.02)  # items of equal counts
    (row,) = [line.split(" | ") for line in told.splitlines() if line.startswith("| fake | popular | tuned")]
    assert row[4:7] == [f"{written[name]:.4f}" for name in ("recall_at_20", "ndcg_at_10", "ndcg_at_20")]


def test_validation_chose_and_no_test_pair_was_given_out(made) -> None:
    folder, _, data = made
    trials = pl.read_csv(folder / "trials.csv").filter(pl.col("method") == "popular").sort("number")
    assert trials["settings"].to_list() == ["defaults", "sign 1"]
    assert trials["validation"][1] > trials["validation"][0]
    (path,) = folder.glob("rows-*.npz")
    with np.load(path) as rows:
        given = {part: {tuple(pair) for pair in rows[part].tolist()} for part in ("train", "validation")}
        assert {*rows.files} == {"size", "train", "validation", "validation_users", "test_users"}
    for part, pairs in given.items():
        assert pairs == set(data.part(part).select("user", "item").iter_rows())
    task = json.loads((folder / "fake" / "popular" / "tuning" / "task.json").read_text())
    assert task["final"] is False


def test_the_lists_of_our_ease_are_those_of_the_formula(made) -> None:
    folder, _, data = made
    both = pl.concat([data.train, data.validation])
    seen = np.zeros((len(data.user_ids), len(data.item_ids)))
    seen[both["user"], both["item"]] = 1
    (place,) = [path for path in (folder / "reccl" / "ease").iterdir() if path.name.endswith("-42")][:1]
    l2 = json.loads((place / "task.json").read_text())["settings"][0].get("scorer.l2", 500)
    inverse = np.linalg.inv(seen.T @ seen + l2 * np.eye(seen.shape[1]))
    weights = -inverse / np.diag(inverse)
    np.fill_diagonal(weights, 0)
    scores = np.where(seen > 0, -np.inf, seen @ weights)
    with np.load(place / "fitted.npz") as fitted:
        lists = fitted["lists_0"]
        best = np.take_along_axis(scores[fitted["users"]], lists, 1)
    expected = -np.sort(-scores[data.test["user"].unique().sort()], axis=1)[:, :20]
    assert best == pytest.approx(expected, abs=1e-5)


def test_where_no_library_is_there_nothing_is_trained(tmp_path: Path, planted: pl.DataFrame) -> None:
    planted.write_csv(tmp_path / "buys.csv")
    (tmp_path / "shop.yaml").write_text("pipeline: table\ninteractions: buys.csv\n")
    (tmp_path / "absent.py").write_text(ABSENT)
    told = call(tmp_path, "--data", "shop.yaml", "--peers", "absent.py", "--python", "/no/python")
    assert "absent: not installed: /no/python: No such file or directory" in told
    assert told.splitlines()[-1] == (
        "no library is here to stand beside ours: name the Python that has some, --python PATH"
    )
