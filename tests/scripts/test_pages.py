"""Pages written from the code: every file has its line, every exported name its entry, every page its place."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from scripts import pages

ROOT = Path(__file__).parents[2]
FILES = sorted(p for room in ("reccl", "pipelines", "scripts") for p in (ROOT / room).rglob("*.py"))


def row(layout: str, path: Path) -> str:
    """What the layout says of a file."""
    section = layout.split(f"\n## {path.parent.relative_to(ROOT).as_posix()}/\n")[1].split("\n## ")[0]
    return next(line for line in section.splitlines() if line.startswith(f"| `{path.name}` |"))


def test_the_layout_says_of_every_file_what_it_is_about() -> None:
    layout = pages.layout()
    for path in FILES:
        if path.name != "__init__.py":
            assert re.fullmatch(r"\| `[\w.]+` \| .{10,} \|", row(layout, path)), path


def test_the_layout_shows_every_config() -> None:
    layout = pages.layout()
    for path in (ROOT / "configs").rglob("*.yaml"):
        assert len(row(layout, path)) > 20, path


def test_a_sentence_is_never_cut() -> None:
    layout = pages.layout()
    for path in FILES:
        if path.name != "__init__.py":
            assert pages.sentence(path) in layout


def test_everything_that_a_room_exports_is_on_its_page() -> None:
    for room in pages.api_rooms():
        exported = {name for names in pages.exports(room / "__init__.py").values() for name in names}
        page = pages.api_page(room)
        shown = {name for names in re.findall(r"members: \[(.*)\]", page) for name in names.split(", ")}
        shown |= set(re.findall(r"`(\w+)`", page))
        assert exported <= shown, room


def test_the_front_page_has_everything_that_import_reccl_gives() -> None:
    import reccl

    page = pages.front_page()
    assert not [name for name in reccl.__all__ if name not in page and name != "__version__"]


def linked(entry: Any) -> list[str]:
    """Every page of a navigation."""
    if isinstance(entry, str):
        return [entry]
    return [page for part in (entry.values() if isinstance(entry, dict) else entry) for page in linked(part)]


def test_every_page_has_its_place_in_the_navigation() -> None:
    navigation = linked(yaml.safe_load((ROOT / "mkdocs.yml").read_text())["nav"])
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").glob("*.md")}
    written |= {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs" / "recipes").glob("*.md")}
    assert sorted(navigation) == sorted(written | set(pages.pages())), "run: python scripts/pages.py"


@pytest.mark.parametrize("name", ["MODEL", "AnyLoss", "info_nce"])
def test_names_are_found_in_the_order_of_their_definition(name: str, tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text("MODEL = 1\nAnyLoss: int = 2\ndef info_nce(): ...\n")
    assert pages.defined(path) == ["MODEL", "AnyLoss", "info_nce"]
    assert name in pages.defined(path)
