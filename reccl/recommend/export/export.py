"""Export: the vectors of a model as a folder of files, with the ids beside them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Literal, get_args

import numpy as np
import polars as pl

from reccl.atomic import atomic_path
from reccl.data.columns import ITEM, USER
from reccl.recommend.export.ann import AnnIndex, write_faiss
from reccl.recommend.export.onnx_towers import write_onnx
from reccl.recommend.export.vectors import Vectors
from reccl.recommend.model import Model
from reccl.training import checkpoint

ExportFormat = Literal["npy", "safetensors", "parquet", "faiss", "onnx"]
FORMATS: tuple[ExportFormat, ...] = get_args(ExportFormat)
MANIFEST = "vectors.json"
Log = Callable[[str], None]


def export_vectors(
    model: Model,
    folder: Path,
    form: ExportFormat = "npy",
    *,
    index: AnnIndex = "exact",
    run_id: str = "",
    log: Log = lambda _: None,
) -> Vectors:
    """Write the vectors of users and items; the folder appears whole or not at all, and replaces an older one.

    Every format has users.parquet and items.parquet with the ids in the order of the rows, and vectors.json, which says
    what the vectors are. Besides:

    - npy: users.npy [U, D], items.npy [I, D], float32;
    - safetensors: vectors.safetensors with `users` and `items`;
    - parquet: the column `vector` in both tables;
    - faiss: users.npy, and items.faiss, an `index` (exact, hnsw, ivf) by inner product, whose recall and speed against
      the exact one are measured and logged;
    - onnx: user_tower.onnx and item_tower.onnx, from row numbers to vectors, and new_user_tower.onnx and
      new_item_tower.onnx, from encoded features, where the model embeds those; all are compared with the model.

    Where the model is a blend with item-item matrices, vectors are its vector part, which `log` says. Raises RecclError
    for a model without vectors, and where an optional library is missing.
    """
    vectors = Vectors.of(model)
    if not vectors.whole:
        log(
            "this model is a blend with item-item matrices, which no vector holds: exported is its vector part alone "
            "(vectors.yaml trains vectors that learn the whole of it)"
        )
    if vectors.left_out:
        log(f"{vectors.left_out:,} items about which nothing is known are left out")
    folder = folder.absolute()
    folder.parent.mkdir(parents=True, exist_ok=True)
    with atomic_path(folder) as draft:
        draft.mkdir()
        sides = ((USER, vectors.user_ids, vectors.users), (ITEM, vectors.item_ids, vectors.items))
        about: dict[str, object] = {"format": form, "run_id": run_id, "dimension": vectors.dimension}
        about |= {"users": len(vectors.user_ids), "items": len(vectors.item_ids), "score": "inner product"}
        about |= {"whole_model": vectors.whole}
        for side, ids, table in sides:
            rows = ids.to_frame()
            if form == "parquet":
                kind = pl.Array(pl.Float32, vectors.dimension)
                rows = rows.with_columns(pl.Series("vector", table.numpy(), dtype=kind))
            rows.write_parquet(draft / f"{side}s.parquet")
            if form == "npy" or (form == "faiss" and side == USER):
                np.save(draft / f"{side}s.npy", table.numpy())
        if form == "safetensors":
            checkpoint.save({"users": vectors.users, "items": vectors.items}, draft / "vectors.safetensors")
        elif form == "faiss":
            about |= {"index": index} | write_faiss(vectors, draft, index, log)
        elif form == "onnx":
            about |= write_onnx(model, vectors, draft, log)
        (draft / MANIFEST).write_text(json.dumps(about, indent=2) + "\n")
    return vectors
