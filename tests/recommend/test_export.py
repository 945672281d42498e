"""What is exported ranks as the model does, in whatever format."""

import json
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch
from safetensors.numpy import load_file

from reccl.data.dataset import Dataset
from reccl.errors import RecclError
from reccl.recommend import Model, recommend
from reccl.recommend.export import export_vectors
from reccl.scorers import Ease, Svd
from reccl.scorers.weighted_sum import weighted_sum


def ranked(users: np.ndarray, items: np.ndarray, ids: pl.Series, k: int = 5) -> pl.Series:
    """Lists by inner products, of all users one after another."""
    order = np.argsort(-(users @ items.T), axis=1, kind="stable")[:, :k]
    return ids.gather(pl.Series(order.ravel()))


@pytest.mark.parametrize("form", ["npy", "safetensors", "parquet"])
def test_inner_products_of_the_files_rank_as_the_model(model: Model, tmp_path: Path, form: str) -> None:
    export_vectors(model, tmp_path / "v", form, run_id="r")  # type: ignore[arg-type]
    about = json.loads((tmp_path / "v" / "vectors.json").read_text())
    assert about["run_id"] == "r" and about["score"] == "inner product" and about["whole_model"]
    sides = [pl.read_parquet(tmp_path / "v" / f"{side}s.parquet") for side in ("user", "item")]
    if form == "npy":
        users, items = (np.load(tmp_path / "v" / f"{side}s.npy") for side in ("user", "item"))
    elif form == "safetensors":
        users, items = (load_file(tmp_path / "v" / "vectors.safetensors")[side] for side in ("users", "items"))
    else:
        users, items = (side["vector"].to_numpy() for side in sides)
    expected = pl.concat(recommend(model, k=5, include_seen=True))["item"]
    assert ranked(users, items, sides[1]["item"]).to_list() == expected.to_list()
    assert sides[0]["user"].equals(model.user_ids.ids.alias("user"))


@pytest.mark.parametrize("index", ["exact", "hnsw", "ivf"])
def test_an_index_finds_what_the_model_ranks_first(model: Model, tmp_path: Path, index: str) -> None:
    import faiss

    said: list[str] = []
    export_vectors(model, tmp_path / "v", "faiss", index=index, log=said.append)  # type: ignore[arg-type]
    built = faiss.read_index(str(tmp_path / "v" / "items.faiss"))
    if index == "ivf":
        faiss.extract_index_ivf(built).nprobe = 100
    _, found = built.search(np.load(tmp_path / "v" / "users.npy"), 5)
    expected = pl.concat(recommend(model, k=5, include_seen=True))["item"]
    ids = pl.read_parquet(tmp_path / "v" / "items.parquet")["item"]
    same = ids.gather(pl.Series(found.ravel())) == expected
    assert same.mean() == 1.0 if index == "exact" else same.mean() > 0.9
    assert said[-1].startswith(f"{index} index of 120 items built in ")
    recall = json.loads((tmp_path / "v" / "vectors.json").read_text())["recall_at_20"]
    assert recall == 1.0 if index == "exact" else recall > 0.5


def test_onnx_towers_give_the_vectors_of_old_and_new(towered: Model, tmp_path: Path) -> None:
    import onnxruntime

    said: list[str] = []
    vectors = export_vectors(towered, tmp_path / "v", "onnx", log=said.append)
    session = onnxruntime.InferenceSession(str(tmp_path / "v" / "user_tower.onnx"))
    (found,) = session.run(None, {"user": np.array([7, 0, 199])})
    assert found == pytest.approx(vectors.users[[7, 0, 199]].numpy())
    tower = towered.towers.items
    assert tower is not None
    x = torch.randn(3, tower.layers[0][0].shape[1], generator=torch.Generator().manual_seed(1))
    session = onnxruntime.InferenceSession(str(tmp_path / "v" / "new_item_tower.onnx"))
    (found,) = session.run(None, {"features": x.numpy()})
    assert found == pytest.approx(tower.embed_matrix(x).numpy(), abs=1e-5)
    assert len(said) == 4


def test_a_blend_is_exported_as_its_vector_part_which_is_said(planted_dataset: Dataset, tmp_path: Path) -> None:
    graph, said = planted_dataset.build_graph(), []
    parts = [Svd(dimension=4).build(graph, None), Ease().build(graph, None)]
    blend = Model.of(weighted_sum(parts, [1.0, 1.0]), planted_dataset)
    vectors = export_vectors(blend, tmp_path / "v", log=said.append)
    assert not vectors.whole
    assert "its vector part alone" in said[0]
    assert vectors.users @ vectors.items.T == pytest.approx(parts[0].scores(torch.arange(200)), abs=1e-5)
    with pytest.raises(RecclError, match="has no vectors: it ranks by item-item matrices"):
        export_vectors(Model.of(parts[1], planted_dataset), tmp_path / "w")
    assert not (tmp_path / "w").exists()


def test_a_missing_library_is_one_line_and_leaves_the_older_export(
    model: Model, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    export_vectors(model, tmp_path / "v")
    before = (tmp_path / "v" / "vectors.json").read_text()
    for module, form in (("faiss", "faiss"), ("onnx", "onnx")):
        monkeypatch.setitem(__import__("sys").modules, module, None)
        with pytest.raises(RecclError, match=rf"pip install 'reccl\[{form}\]'"):
            export_vectors(model, tmp_path / "v", form)  # type: ignore[arg-type]
    assert (tmp_path / "v" / "vectors.json").read_text() == before
    assert [path.name for path in tmp_path.iterdir()] == ["v"]
