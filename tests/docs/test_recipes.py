"""Every recipe reads its own rows by its own config, and a model is trained; its commands exist."""

import gzip
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

import reccl
from reccl.data.dataset import Dataset
from tests.docs.test_commands import ROOT, check, commands

RECIPES = ROOT / "docs" / "recipes"
PAGES = sorted(page for page in RECIPES.glob("*.md") if page.name != "index.md")
BLOCK = re.compile(r"`([^`\s]+\.[\w.]+)`[^`\n]*:\n\n```\w+\n(.*?)```", re.DOTALL)
LATIN = {"BX-Book-Ratings.csv", "BX-Books.csv"}
POPULARITY = {"scorer": {"kind": "popularity"}, "evaluation": {"cutoffs": [2]}, "training": {"metric": "ndcg_at_2"}}


def quiet(data: Dataset) -> bool:
    """Whether nothing is said but that so few rows are too few, as those of an example are."""
    return all(note.endswith("too few to learn from") for note in data.notes)


READ: dict[str, tuple[int, int, int, Callable[[Dataset], bool]]] = {
    "hm": (3, 4, 8, lambda data: data.item_ids.ids[0] == "0108775015" and quiet(data)),
    "retailrocket": (3, 3, 6, lambda data: data.items["category"].to_list() == ["1213", "1173", "1173"]),
    "amazon-2018": (2, 3, 4, lambda data: data.item_ids.ids[0] == "0528881469"),
    "amazon-2023": (2, 3, 5, lambda data: "timestamp counts milliseconds by its size: 2019-02-11" in data.notes[0]),
    "yelp": (2, 3, 4, lambda data: data.train["timestamp"].min() > 1_300_000_000),
    "goodreads": (2, 3, 5, lambda data: "%a %b %d %H:%M:%S %z %Y: 2007-03-19 to 2009-12-12" in data.notes[0]),
    "steam": (2, 3, 6, lambda data: data.items["tags"][1].to_list() == ["Action", "Stealth"] and quiet(data)),
    "lastfm-360k": (
        2,
        4,
        6,
        lambda data: '"weird al" yankovic' in data.item_ids.ids and '7" single band' in data.item_ids.ids,
    ),
    "lastfm-hetrec": (2, 3, 6, lambda data: data.items["name"][2] == 'Air "AIR"'),
    "book-crossing": (3, 3, 7, lambda data: "Rites of Passage &amp; Señor" in data.items["Book-Title"]),
    "mind": (3, 4, 7, lambda data: "%m/%d/%Y %I:%M:%S %p: 2019-11-11 to 2019-11-14" in data.notes[0]),
    "yambda": (2, 3, 6, lambda data: data.user_ids.ids.dtype == data.item_ids.ids.dtype == pl.UInt32),
    "logs": (
        3,
        3,
        10,
        lambda data: (
            data.notes[0] == ("column 'device' is not in dt=2026-01-01/part-0.tsv.gz of 3 files; missing elsewhere")
        ),
    ),
}
"""Data section -> users, items, rows of all parts, and what else holds."""


def blocks(page: Path) -> dict[str, str]:
    """The files that a page shows."""
    return dict(BLOCK.findall(page.read_text()))


def write(page: Path) -> None:
    """Write the files of a page into the current folder, in the form that their names say."""
    for name, text in blocks(page).items():
        path = Path(name)
        path.parent.mkdir(parents=True, exist_ok=True)
        if path.suffix == ".parquet":
            from_drawing(text).write_parquet(path)
        elif path.suffix == ".gz":
            path.write_bytes(gzip.compress(text.encode()))
        else:
            path.write_text(text, encoding="latin-1" if name in LATIN else "utf-8")


def from_drawing(text: str) -> pl.DataFrame:
    """The table that polars has drawn."""
    lines = [[cell.strip() for cell in line.strip("│").split("┆")] for line in text.splitlines() if "┆" in line]
    names, kinds, *rows = lines
    types = {"u8": pl.UInt8, "u16": pl.UInt16, "u32": pl.UInt32}
    schema = {name: types[kind] for name, kind in zip(names, kinds, strict=True)}
    return pl.DataFrame([[int(cell) for cell in row] for row in rows], schema=schema, orient="row")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("RECCL_CACHE", str(tmp_path / "cache"))
    return tmp_path


def sections(page: Path) -> list[str]:
    return [Path(name).stem for name in blocks(page) if name.startswith("data/")]


@pytest.mark.parametrize(("page", "name"), [(page, name) for page in PAGES for name in sections(page)], ids=str)
def test_its_rows_are_read_by_its_config_and_trained_on(page: Path, name: str, folder: Path) -> None:
    write(page)
    data = reccl.load_dataset(name)
    users, items, rows, holds = READ[name]
    assert (len(data.user_ids), len(data.item_ids)) == (users, items)
    assert sum(part.height for part in (data.train, data.validation, data.test)) == rows
    assert holds(data), (data.notes, data.items)
    model = reccl.train({"name": name, **POPULARITY}, data, progress=False)
    assert model.recommend(k=2, include_seen=True).height == 2 * users


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_its_commands_exist_and_its_data_loads_beside_the_config(page: Path, folder: Path) -> None:
    write(page)
    found = commands(page)
    assert [words for words in found if "best.yaml" in words]
    for words in found:
        check(words)


def test_a_row_a_user_reads_like_a_row_a_listen(folder: Path) -> None:
    write(RECIPES / "yambda.md")
    flat = pl.read_parquet("flat/listens.parquet")
    Path("sequential").mkdir()
    flat.group_by("uid", maintain_order=True).agg(pl.all()).write_parquet("sequential/listens.parquet")
    nested = reccl.load_dataset("yambda", listens="sequential/listens.parquet")
    assert nested.fingerprint == reccl.load_dataset("yambda").fingerprint


def test_every_layout_is_in_the_list_and_in_the_navigation() -> None:
    listed = re.findall(r"\]\(([\w-]+\.md)\)", (RECIPES / "index.md").read_text())
    navigation = (ROOT / "mkdocs.yml").read_text()
    assert listed == [page.name for page in sorted(PAGES, key=lambda page: listed.index(page.name))]
    assert not [name for name in listed if f"recipes/{name}" not in navigation]
    assert sorted(READ) == sorted(name for page in PAGES for name in sections(page))
