"""A model is a folder of open formats that gives back what was saved, or says that it cannot."""

import json
from pathlib import Path

import polars as pl
import pytest
import torch

from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.recommend import Model, load, recommend, save


def test_what_is_loaded_recommends_as_what_was_saved(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    again = load(tmp_path / "model")
    assert pl.concat(recommend(again, None, 7)).equals(pl.concat(recommend(model, None, 7)))
    assert torch.equal(again.popularity, model.popularity)


def test_whole_number_ids_keep_their_type(numbered: Model, tmp_path: Path) -> None:
    save(numbered, tmp_path / "model")
    assert load(tmp_path / "model").user_ids.ids.equals(numbered.user_ids.ids)


def test_the_folder_holds_open_formats_only_and_no_draft(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    assert sorted(path.name for path in tmp_path.rglob("*") if path.is_file()) == [
        "items.parquet",
        "model.json",
        "model.safetensors",
        "users.parquet",
    ]
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_popularity_and_known_items_come_from_train_and_validation_alone(
    model: Model, planted_dataset: Dataset
) -> None:
    before = planted_dataset.train.height + planted_dataset.validation.height
    assert model.popularity.sum() == len(model.known.item) == before


def test_saving_replaces_an_older_model(model: Model, numbered: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    save(numbered, tmp_path / "model")
    assert load(tmp_path / "model").user_ids.ids.dtype == pl.Int64


def test_a_failure_leaves_the_older_model_as_it_was(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    save(model, tmp_path / "model")

    def fail(*_: object, **__: object) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr(pl.DataFrame, "write_parquet", fail)
    with pytest.raises(OSError, match="no space"):
        save(model, tmp_path / "model")
    assert len(load(tmp_path / "model").user_ids) == len(model.user_ids)
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


@pytest.mark.parametrize("missing", ["model.json", "model.safetensors", "users.parquet"])
def test_an_incomplete_folder_is_named(model: Model, tmp_path: Path, missing: str) -> None:
    save(model, tmp_path / "model")
    (tmp_path / "model" / missing).unlink()
    with pytest.raises(RunError, match=r"no usable model in .*model \(.*\); train it again"):
        load(tmp_path / "model")


@pytest.mark.parametrize("damaged", ["model.json", "model.safetensors", "users.parquet"])
def test_a_damaged_file_is_named(model: Model, tmp_path: Path, damaged: str) -> None:
    save(model, tmp_path / "model")
    (tmp_path / "model" / damaged).write_bytes(b"nonsense, and more nonsense")
    with pytest.raises(RunError, match=r"no usable model in .*model \(.*\); train it again"):
        load(tmp_path / "model")


def test_another_format_is_refused_by_number(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    manifest = tmp_path / "model" / "model.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(RunError, match="has format 99, and this reccl reads format 1; train it again"):
        load(tmp_path / "model")
