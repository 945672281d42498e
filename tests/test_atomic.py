"""What is written atomically is there whole or not at all."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
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


def test_many_writers_of_one_folder_all_succeed_and_leave_a_whole_one(tmp_path: Path) -> None:
    def repeat(writer: int) -> None:
        for _ in range(40):
            write(tmp_path / "model", str(writer))

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(repeat, range(8)))
    assert (tmp_path / "model" / "part").read_text() in "01234567"
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_what_a_killed_writer_left_is_removed_by_the_next_one(tmp_path: Path) -> None:
    code = (
        "import os, pathlib, reccl.atomic\n"
        f"with reccl.atomic.atomic_path(pathlib.Path({str(tmp_path / 'model')!r})) as draft:\n"
        "    draft.mkdir(); os.kill(os.getpid(), 9)"
    )
    subprocess.run([sys.executable, "-c", code], check=False)
    assert len(list(tmp_path.glob(".model-*.draft"))) == 1
    (tmp_path / ".model-backup").mkdir()
    with atomic_path(tmp_path / "model"):  # in use: no other writer removes it
        write(tmp_path / "model", "new")
        assert len(list(tmp_path.glob(".model-*.draft"))) == 1
        (next(tmp_path.glob(".model-*.draft")) / "model").mkdir()
    assert sorted(path.name for path in tmp_path.iterdir()) == [".model-backup", "model"]


def test_a_file_never_takes_the_place_of_a_folder_nor_a_folder_that_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("kept")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "part").touch()
    with pytest.raises(OSError):
        write(tmp_path / "file", "new")
    with pytest.raises(OSError), atomic_path(tmp_path / "folder") as draft:
        draft.touch()
    assert (tmp_path / "file").read_text() == "kept"
    assert (tmp_path / "folder" / "part").exists()


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
