"""What is written atomically is there whole or not at all."""

from pathlib import Path

import pytest

from reccl.atomic import atomic_path


def write(path: Path, text: str) -> None:
    with atomic_path(path) as draft:
        draft.mkdir()
        (draft / "part").write_text(text)


def test_a_folder_replaces_an_older_one(tmp_path: Path) -> None:
    write(tmp_path / "model", "old")
    (tmp_path / "model" / "leftover").touch()
    write(tmp_path / "model", "new")
    assert [path.name for path in tmp_path.rglob("*")] == ["model", "part"]
    assert (tmp_path / "model" / "part").read_text() == "new"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt])
def test_a_failure_leaves_the_older_one_and_nothing_else(tmp_path: Path, error: type[BaseException]) -> None:
    write(tmp_path / "model", "old")
    with pytest.raises(error), atomic_path(tmp_path / "model") as draft:
        draft.mkdir()
        raise error
    assert (tmp_path / "model" / "part").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_two_writers_do_not_meet(tmp_path: Path) -> None:
    with atomic_path(tmp_path / "file") as first, atomic_path(tmp_path / "file") as second:
        assert first != second
        first.write_text("outer")
        second.write_text("inner")
    assert (tmp_path / "file").read_text() == "outer"


def test_it_may_be_read_by_whoever_may_read_its_neighbors(tmp_path: Path) -> None:
    write(tmp_path / "model", "new")
    (tmp_path / "plain").mkdir()
    assert (tmp_path / "model").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_a_missing_parent_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError), atomic_path(tmp_path / "nowhere" / "file"):
        pass
