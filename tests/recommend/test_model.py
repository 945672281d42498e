"""A model is a folder of open formats that gives back what was saved, or says that it cannot."""

import json
import random
import re
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest
import torch
from safetensors.torch import load_file, save_file

from reccl.data.dataset import Dataset
from reccl.errors import RunError
from reccl.recommend import Model, load, recommend, save
from reccl.recommend.verify import seal


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
        "digests.json",
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


@pytest.mark.parametrize("name", ["model.json", "model.safetensors", "users.parquet", "items.parquet", "digests.json"])
def test_every_flipped_byte_is_noticed(model: Model, tmp_path: Path, name: str) -> None:
    save(model, tmp_path / "model")
    path = tmp_path / "model" / name
    whole = path.read_bytes()
    for place in random.Random(0).sample(range(len(whole)), 25):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 64]) + whole[place + 1 :])
        with pytest.raises(RunError) as failure:
            load(tmp_path / "model")
        assert "\n" not in str(failure.value)
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(RunError):
        load(tmp_path / "model")


def test_a_model_without_digests_is_read(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    (tmp_path / "model" / "digests.json").unlink()
    assert torch.equal(load(tmp_path / "model").popularity, model.popularity)


def test_files_swapped_with_those_of_another_model_are_noticed(model: Model, numbered: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "one")
    save(numbered, tmp_path / "two")
    (tmp_path / "two" / "users.parquet").replace(tmp_path / "one" / "users.parquet")
    with pytest.raises(RunError, match=r"users\.parquet is not what was written: its SHA-256 differs"):
        load(tmp_path / "one")


Tensors = dict[str, torch.Tensor]
WRONG: dict[str, tuple[Callable[[Tensors], object], str]] = {
    "missing": (lambda t: t.pop("user_embeddings"), "KeyError: 'user_embeddings'"),
    "nan": (lambda t: t["item_embeddings"].__setitem__((0, 0), torch.nan), "item_embeddings has numbers that are not"),
    "infinite": (lambda t: t["popularity"].__setitem__(0, torch.inf), "popularity has numbers that are not finite"),
    "type": (
        lambda t: t.update(user_embeddings=t["user_embeddings"].long()),
        "user_embeddings is [200, 8] ",
    ),
    "users": (
        lambda t: t.update(user_embeddings=t["user_embeddings"][1:]),
        "user_embeddings is [199, 8] ",
    ),
    "width": (lambda t: t.update(item_embeddings=t["item_embeddings"][:, 1:]), "item_embeddings is ["),
    "line": (lambda t: t.update(item_embeddings=t["item_embeddings"].flatten()), "item_embeddings is ["),
    "start": (lambda t: t["known_start"].__setitem__(0, 7), "known names items or users that are not there"),
    "end": (lambda t: t["known_start"].__setitem__(-1, 10**9), "known names items or users that are not there"),
    "fall": (lambda t: t["known_start"].__setitem__(5, 0), "known names items or users that are not there"),
    "item": (lambda t: t["known_item"].__setitem__(3, 10**6), "known names items or users that are not there"),
    "negative": (lambda t: t["known_item"].__setitem__(3, -1), "known names items or users that are not there"),
    "order": (lambda t: t["known_item"].__setitem__(1, int(t["known_item"][0])), "known has items that are repeated"),
    "popularity": (lambda t: t.update(popularity=t["popularity"][1:]), "popularity is ["),
    "operator": (
        lambda t: t.update(item_operator_0_matrix_0=torch.ones(2, 2)),
        "there are item operators, and no",
    ),
    "half": (lambda t: t.update(item_operator_0_matrix_0_value=torch.ones(2)), "KeyError: "),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_tensors_that_do_not_fit_are_refused_also_with_right_digests(model: Model, tmp_path: Path, wrong: str) -> None:
    folder = tmp_path / "model"
    save(model, folder)
    tensors = load_file(folder / "model.safetensors")
    damage, line = WRONG[wrong]
    damage(tensors)
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, folder / "model.safetensors")
    seal(folder, "model.safetensors")
    with pytest.raises(RunError) as failure:
        load(folder)
    assert str(failure.value).startswith(f"no usable model in {folder} ({line}")
    assert "\n" not in str(failure.value)


@pytest.mark.parametrize(
    ("ids", "line"),
    [
        (pl.DataFrame({"id": ["a", "b"]}), "users.parquet has 2 ids, and there should be 200"),
        (pl.DataFrame({"id": [None, *"abcdefghi"] * 20}), "users.parquet has ids that are missing or not unique"),
        (pl.DataFrame({"id": ["a"] * 200}), "users.parquet has ids that are missing or not unique"),
        (pl.DataFrame({"id": [0.5] * 200}), "users.parquet holds Float64, not ids"),
        (pl.DataFrame({"name": ["a"] * 200}), "users.parquet has the columns ['name'], not id alone"),
    ],
)
def test_ids_that_do_not_fit_are_refused_also_with_right_digests(
    model: Model, tmp_path: Path, ids: pl.DataFrame, line: str
) -> None:
    folder = tmp_path / "model"
    save(model, folder)
    ids.write_parquet(folder / "users.parquet")
    seal(folder, "users.parquet")
    with pytest.raises(RunError, match=re.escape(line)):
        load(folder)


@pytest.mark.parametrize(
    "text",
    [
        *("", "{", "[]", "null", "5", '"text"', "\x00", '{"format": 1}', '{"format": "1"}'),
        '{"format": 1, "users": "many"}',
        '{"format": 1, "users": 200, "items": 120, "features": 5}',
        '{"format": 1, "users": 200, "items": 120, "features": {"nobody": {}}}',
        '{"format": 1, "users": 200, "items": 120, "features": {"users": [1]}}',
    ],
)
def test_odd_manifests_are_refused_also_with_right_digests(model: Model, tmp_path: Path, text: str) -> None:
    folder = tmp_path / "model"
    save(model, folder)
    (folder / "model.json").write_text(text)
    seal(folder, "model.json")
    with pytest.raises(RunError):
        load(folder)


def test_all_files_of_a_model_may_be_read_by_the_same_people(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    assert len({path.stat().st_mode for path in (tmp_path / "model").iterdir()}) == 1


def test_another_format_is_refused_by_number(model: Model, tmp_path: Path) -> None:
    save(model, tmp_path / "model")
    manifest = tmp_path / "model" / "model.json"
    manifest.write_text(json.dumps({**json.loads(manifest.read_text()), "format": 99}))
    with pytest.raises(RunError, match="has format 99, and this reccl reads format 1; train it again"):
        load(tmp_path / "model")
