"""Adjacency lists become pairs with their part; a malformed token is named with file and line."""

import os
from pathlib import Path

import polars as pl
import pytest

from reccl.bundle import locate_bundled
from reccl.data.ingest import pipelines
from reccl.errors import DataError

ADJACENCY = pipelines.load(str(locate_bundled("pipelines") / "adjacency.py"))


def laid(folder: Path, **files: str) -> Path:
    for name, text in files.items():
        (folder / f"{name}.txt").write_text(text)
    return folder


def test_every_line_is_a_user_and_the_items_of_that_user(tmp_path: Path) -> None:
    raw = laid(tmp_path, train="0 5 6\n1 5\n", test="0 7\n", valid="1 8\n")
    table, counts = ADJACENCY.run(raw, validation=Path("valid.txt")).interactions.collect()
    assert table.rows() == [(0, 5, "train"), (0, 6, "train"), (1, 5, "train"), (1, 8, "validation"), (0, 7, "test")]
    assert [(count.step, count.rows) for count in counts] == [("pairs read", 5), ("distinct", 5)]
    assert table.schema["user"] == table.schema["item"] == pl.Int64


def test_empty_lines_lonely_users_and_odd_spaces_are_fine(tmp_path: Path) -> None:
    raw = laid(tmp_path, train="0 5 \n1\n\n2 \t 6\r\n  3 7", test="")
    assert ADJACENCY.run(raw).interactions.collect()[0].rows() == [(0, 5, "train"), (2, 6, "train"), (3, 7, "train")]


def test_a_pair_that_stands_twice_is_kept_in_the_first_part_and_counted(tmp_path: Path) -> None:
    raw = laid(tmp_path, train="0 5 5\n", test="0 5 6\n")
    table, counts = ADJACENCY.run(raw).interactions.collect()
    assert table.rows() == [(0, 5, "train"), (0, 6, "test")]
    assert [count.rows for count in counts] == [4, 2]


@pytest.mark.parametrize(("line", "token"), [("1 2 x9", "x9"), ("-1 4", "-1"), ("1 2.0", "2.0"), ("1,2,3", "1,2,3")])
def test_a_token_that_is_no_whole_number_is_named_with_file_and_line(tmp_path: Path, line: str, token: str) -> None:
    raw = laid(tmp_path, train=f"0 1\n{line}\n2 3\n")
    with pytest.raises(DataError, match=rf"train.txt, line 2: '{token}' is not a whole number.*pipeline: table"):
        ADJACENCY.run(raw, test=None).interactions.collect()


def test_a_missing_file_answers_with_the_files_that_are_there(tmp_path: Path) -> None:
    raw = laid(tmp_path, train="0 1\n", tests="0 2\n")
    with pytest.raises(
        DataError, match=r"no file .*/test.txt for the test part; text files there: tests.txt, train.txt"
    ):
        ADJACENCY.run(raw)
    assert ADJACENCY.inputs(raw, test=Path("tests.txt")) == [raw / "train.txt", raw / "tests.txt"]


def test_the_ends_of_training_lists_can_be_the_validation_part(tmp_path: Path) -> None:
    raw = laid(tmp_path, train="0 9 8 7 6 5\n1 4 3\n2 1\n3\n", test="0 2\n")
    table, _ = ADJACENCY.run(raw, validation_tail=0.3).interactions.collect()
    rows = table.rows()
    assert [row for row in rows if row[2] == "validation"] == [
        (0, 6, "validation"),
        (0, 5, "validation"),
        (1, 3, "validation"),
    ]
    assert [item for user, item, part in rows if part == "train"] == [9, 8, 7, 4, 1]  # 2 keeps its only item
    assert [row for row in rows if row[2] == "test"] == [(0, 2, "test")]
    with pytest.raises(
        DataError, match=r"validation_tail 0\.3 is for data without a file of validation rows: valid\.txt"
    ):
        ADJACENCY.run(raw, validation_tail=0.3, validation=Path("valid.txt"))


@pytest.mark.real_data
@pytest.mark.parametrize(
    ("name", "users", "items", "train", "test"),
    [("gowalla", 29_858, 40_981, 810_128, 217_242), ("ml-1m-m1", 6_022, 3_043, 796_244, 99_455)],
)
def test_the_real_splits_have_their_published_sizes(name: str, users: int, items: int, train: int, test: int) -> None:
    folder = Path(os.environ.get("RECCL_DATA") or "/nowhere") / name
    if not folder.is_dir():
        pytest.skip(f"the real {name} is not in RECCL_DATA")
    table = ADJACENCY.run(folder).interactions.collect()[0]
    assert (table["user"].n_unique(), table["item"].n_unique()) == (users, items)
    assert dict(table.group_by("part").len().rows()) == {"train": train, "test": test}
