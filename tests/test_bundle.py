"""Configs and pipelines are found beside a checkout and inside a wheel; what lies in the current folder wins."""

from pathlib import Path

import pytest

from reccl import bundle
from reccl.bundle import available, find, locate_bundled


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def planted(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.touch()
    return path


@pytest.mark.parametrize("folder", ["configs", "pipelines"])
def test_a_checkout_has_both_folders(folder: str) -> None:
    assert locate_bundled(folder).is_dir()


def test_a_wheel_holds_them_inside_the_package(here: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundle, "PACKAGE", here / "site-packages" / "reccl")
    inside = planted(here / "site-packages" / "reccl" / "_bundled" / "configs" / "a.yaml")
    assert locate_bundled("configs") == inside.parent
    assert find("a", "configs", ".yaml")[0] == inside
    assert available("configs", ".yaml") == {"a": inside}


def test_the_path_as_given_comes_first_then_the_local_folder_then_the_bundled_one() -> None:
    assert find("smoke", "configs", ".yaml")[0] == locate_bundled("configs") / "smoke.yaml"
    local = planted(Path("configs/smoke.yaml"))
    assert find("smoke", "configs", ".yaml")[0] == local
    given = planted(Path("smoke.yaml"))
    assert find("smoke", "configs", ".yaml")[0] == given
    assert find("./smoke.yaml", "configs", ".yaml")[0] == given


def test_what_is_nowhere_gives_the_places_tried_in_order() -> None:
    found, places = find("nothing", "configs", ".yaml")
    assert found is None
    with_suffix = [place for place in places if place.suffix]
    assert with_suffix == [
        Path("nothing.yaml"),
        Path("configs/nothing.yaml"),
        locate_bundled("configs") / "nothing.yaml",
    ]


def test_a_folder_of_that_name_is_no_file(here: Path) -> None:
    (here / "smoke").mkdir()
    assert find("smoke", "configs", ".yaml")[0] == locate_bundled("configs") / "smoke.yaml"


def test_names_are_relative_and_the_local_file_wins() -> None:
    local = planted(Path("configs/data/gowalla.yaml"))
    planted(Path("configs/_draft.yaml"))
    names = available("configs", ".yaml")
    assert names["data/gowalla"] == local
    assert names["smoke"] == locate_bundled("configs") / "smoke.yaml"
    assert "_draft" not in names
