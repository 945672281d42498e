"""Odd inputs that are none of the user's faults: they work, and a line says what was found. Damaged caches are made
anew; files of a folder that differ are read by the names of their columns.
"""

import gzip
import json
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from tests.cli.conftest import Shop
from tests.robustness.corpus import POPULAR, flip
from tests.robustness.corpus_tables import ROWS, TEXT

HEAD = TEXT.split(b"\n")[0] + b"\n"


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shop:
    """A folder with a table, and a cache of its own."""
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    (tmp_path / "t.csv").write_bytes(TEXT)
    (tmp_path / "users.csv").write_text("user,town\n0001,here\n0002,there\n")
    return Shop(tmp_path)


def configure(shop: Shop, keys: str = "", file: str = "t.csv") -> str:
    (shop.folder / "t.yaml").write_text(POPULAR.format(keys=keys).replace("t.csv", file))
    return "t.yaml"


def prepared(shop: Shop) -> Path:
    return next((shop.folder / "cache" / "prepared").iterdir())


DAMAGE: dict[str, Callable[[Path, bytes], object]] = {
    "flipped": lambda path, whole: path.write_bytes(flip(whole, len(whole) // 2)),
    "cut short": lambda path, whole: path.write_bytes(whole[: len(whole) // 2]),
    "longer": lambda path, whole: path.write_bytes(whole + b"x"),
    "empty": lambda path, _: path.write_bytes(b""),
    "gone": lambda path, _: path.unlink(),
    "a folder": lambda path, _: (path.unlink(), path.mkdir()),
}
MANIFESTS: dict[str, Callable[[dict], object]] = {
    "of a foreign version": lambda values: {**values, "format": 99},
    "with another fingerprint": lambda values: {**values, "fingerprint": "0" * 64},
    "with other counts": lambda values: {**values, "counts": []},
    "without a table": lambda values: {
        **values,
        "files": {name: digest for name, digest in values["files"].items() if name != "user_table.parquet"},
    },
    "with a path": lambda values: {**values, "files": {"../../t.csv": "0" * 64}},
    "that is a list": lambda values: [values],
    "that is nothing": lambda _: None,
}


def test_a_damaged_cache_is_made_anew_with_a_line_and_gives_the_same(shop: Shop) -> None:
    config = configure(shop, ", users: users.csv")
    first = shop("data", "describe", "--config", config)
    assert first.code == 0, first.err
    folder = prepared(shop)
    whole = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert len(whole) == 7
    for name, content in whole.items():
        for how, damage in DAMAGE.items():
            damage(folder / name, content)
            check_mended(shop, config, f"{name} is {how}", first.out, whole)
    for how, change in MANIFESTS.items():
        (folder / "dataset.json").write_text(json.dumps(change(json.loads(whole["dataset.json"]))))
        check_mended(shop, config, f"a manifest {how}", first.out, whole)


def check_mended(shop: Shop, config: str, case: str, out: str, whole: dict[str, bytes]) -> None:
    """The same is told as at first, a line says why it took longer, and the cache is whole."""
    again = shop("data", "describe", "--config", config)
    assert (again.code, again.out) == (0, out), case
    assert "preparing it again" in again.err, case
    assert {path.name: path.read_bytes() for path in prepared(shop).iterdir()} == whole, case
    assert "preparing it again" not in shop("data", "describe", "--config", config).err, case


LAID: dict[str, tuple[dict[str, bytes], str, str]] = {
    "a plain file called gz": ({"t.csv.gz": TEXT}, "t.csv.gz", "160 read"),
    "two gzip files in one": (
        {"t.csv.gz": gzip.compress(TEXT[:500]) + gzip.compress(TEXT[500:])},
        "t.csv.gz",
        "160 read",
    ),
    "another order of columns": (
        {"p/a.csv": TEXT, "p/b.csv": ROWS.select("at", "item", "user").write_csv().encode()},
        "p",
        "320 read -> 320 nulls: drop -> 160 duplicates",
    ),
    "a column more": (
        {"p/a.csv": TEXT, "p/b.csv": ROWS.with_columns(more=1).write_csv().encode()},
        "p",
        "column 'more' is only in b.csv of 2 files",
    ),
    "a header alone": ({"p/a.csv": TEXT, "p/b.csv": HEAD}, "p", "b.csv of 2 files: no rows"),
    "a file of nothing": ({"p/a.csv": TEXT, "p/b.csv": b""}, "p", "b.csv of 2 files: no rows"),
    "one row": ({"t.csv": b"user,item\n1,2\n"}, "t.csv", "1 training row: too few to learn from"),
    "no held-out row": ({"t.csv": b"user,item\n1,2\n"}, "t.csv", "nothing is held out"),
    "a name with the signs of a pattern": ({"orders [2024].csv": TEXT}, "orders [2024].csv", "160 read"),
    "missing ids among numbers": ({"t.csv": TEXT + b"NaN,1,100\n,,\n"}, "t.csv", "162 read -> 160 nulls: drop"),
}


@pytest.mark.parametrize("name", LAID)
def test_an_odd_file_trains_and_a_line_says_what_was_found(shop: Shop, name: str) -> None:
    files, file, says = LAID[name]
    for place, content in files.items():
        (shop.folder / place).parent.mkdir(exist_ok=True)
        (shop.folder / place).write_bytes(content)
    answer = shop("train", "--config", configure(shop, file=f"'{file}'"))
    assert answer.code == 0, answer.err
    assert says in answer.err + answer.out


def test_a_split_that_holds_out_half_where_a_tenth_was_asked_says_so(shop: Shop) -> None:
    at = pl.when(pl.int_range(pl.len()) < 80).then(pl.int_range(pl.len())).otherwise(100)
    ROWS.with_columns(at=at).write_csv(shop.folder / "t.csv")
    answer = shop("train", "--config", configure(shop, ", timestamp: at, split: {kind: temporal}"))
    assert answer.code == 0, answer.err
    assert "test has 50% of the rows where 10% was asked" in answer.err


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_how_many_match_of_a_table_of_features_is_said(shop: Shop, ending: str) -> None:
    table, path = pl.DataFrame({"item": [1.0, 2.0, 99.0, None], "size": [1, 2, 3, 4]}), shop.folder / f"items.{ending}"
    table.write_csv(path) if ending == "csv" else table.write_parquet(path)
    answer = shop("data", "describe", "--config", configure(shop, f", items: items.{ending}"))
    assert answer.code == 0, answer.err
    trained = shop("train", "--config", "t.yaml")
    assert "6 of 8 items are not in it: their features are missing" in trained.err
    assert "1 items have no interactions" in trained.err
    assert "1 rows have no id: left out" in trained.err
