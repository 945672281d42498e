"""What is written is what is read, or an error that says which file is bad."""

import json
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from polars.testing import assert_frame_equal

from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.errors import DataError

TABLES = ["users", "items", "user_table", "item_table", "train", "validation", "test"]


@pytest.fixture
def written(planted_dataset: Dataset, tmp_path: Path) -> Path:
    store.write(planted_dataset, tmp_path / "prepared")
    return tmp_path / "prepared"


def test_a_data_set_comes_back_as_it_was(planted_dataset: Dataset, written: Path) -> None:
    back = store.read(written)
    assert_frame_equal(back.user_ids.ids.to_frame(), planted_dataset.user_ids.ids.to_frame())
    assert_frame_equal(back.item_ids.ids.to_frame(), planted_dataset.item_ids.ids.to_frame())
    for name in ("train", "validation", "test", "user_table", "item_table"):
        assert_frame_equal(getattr(back, name), getattr(planted_dataset, name))
    assert (back.counts, back.fingerprint) == (planted_dataset.counts, planted_dataset.fingerprint)


def test_a_data_set_without_features_comes_back_without(planted_dataset: Dataset, tmp_path: Path) -> None:
    bare = replace(planted_dataset, user_table=None, item_table=None)
    store.write(bare, tmp_path / "bare")
    assert store.read(tmp_path / "bare").user_table is None
    assert not (tmp_path / "bare" / "item_table.parquet").exists()


def test_writing_again_replaces_the_older_copy_and_leaves_no_draft(planted_dataset: Dataset, written: Path) -> None:
    (written / "stale.txt").touch()
    store.write(planted_dataset, written)
    assert not (written / "stale.txt").exists()
    assert [path.name for path in written.parent.iterdir()] == ["prepared"]


@pytest.mark.parametrize("name", TABLES)
def test_a_changed_byte_is_noticed_and_the_file_named(written: Path, name: str) -> None:
    path = written / f"{name}.parquet"
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match=rf"{name}.parquet is corrupt"):
        store.read(written)


@pytest.mark.parametrize("name", [*(f"{table}.parquet" for table in TABLES), "dataset.json"])
def test_a_missing_file_is_noticed(written: Path, name: str) -> None:
    (written / name).unlink()
    with pytest.raises(DataError, match=r"prepared is corrupt \(FileNotFoundError\)"):
        store.read(written)


@pytest.mark.parametrize("text", ["", "{", "[]", "{}", '{"format": 2, "files": {}}'])
def test_a_broken_manifest_is_noticed(written: Path, text: str) -> None:
    (written / "dataset.json").write_text(text)
    with pytest.raises(DataError, match="prepared is corrupt"):
        store.read(written)


def test_another_format_says_so(written: Path) -> None:
    manifest = json.loads((written / "dataset.json").read_text())
    (written / "dataset.json").write_text(json.dumps({**manifest, "format": 0}))
    with pytest.raises(DataError, match="has format 0, not 2"):
        store.read(written)


def test_a_folder_that_cannot_be_made_says_where_to_write_instead(planted_dataset: Dataset, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(DataError, match=r"cannot write .*; set RECCL_CACHE to a folder you may write to"):
        store.write(planted_dataset, tmp_path / "file" / "prepared")


def test_a_write_that_breaks_off_leaves_the_older_copy(
    planted_dataset: Dataset, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: pl.DataFrame, path: Path) -> None:
        path.write_bytes(b"half")
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", full)
    with pytest.raises(DataError, match=r"cannot write .*: No space left on device"):
        store.write(planted_dataset, written)
    assert store.read(written).fingerprint == planted_dataset.fingerprint
    assert [path.name for path in written.parent.iterdir()] == ["prepared"]
