"""Scoring memory: what recommending to many users will hold at its peak, told before a model is loaded."""

from __future__ import annotations

import json
from pathlib import Path

from reccl.evaluation.top_k import CHUNK_BYTES, top_k_bytes
from reccl.memory import FLOAT, MemoryEstimate, Need, Phase, Sizes, held_memory, one_after_another
from reccl.recommend.model import MANIFEST, TENSORS, Model
from reccl.scorers.scorer import OPERATOR_USERS

LIBRARIES = 150 << 20
"""Bytes that libraries add once they are first used, measured with a small model."""
MOST = 100 << 20
"""Bytes of the longest header of a file of safetensors that is read."""
ID = 48
"""Bytes of a raw id: its text, and its place."""


def forecast_loading(folder: Path, k: int) -> MemoryEstimate:
    """The peak of loading the model of a folder and scoring all its users, from its sizes on disk.

    A folder that holds no usable model has no sizes: it is refused when it is loaded.
    """
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        users, items = int(manifest["users"]), int(manifest["items"])
        shapes, size = read_shapes(folder / TENSORS), (folder / TENSORS).stat().st_size
        dimension = shapes["item_embeddings"][1]
    except (OSError, ValueError, KeyError, TypeError, IndexError):
        return MemoryEstimate((Phase("scoring", (Need("libraries", held_memory()),)),))
    model = Need("the model", size + ID * (users + items), 0)
    hops = any(name.startswith("item_operator") for name in shapes)
    return estimate_scoring(Sizes(users, items, 0, dimension=dimension), k, hops=hops, model=model)


def forecast_scoring(model: Model, k: int) -> MemoryEstimate:
    """The peak of scoring all users of a model that is loaded."""
    sizes = Sizes(len(model.user_ids), len(model.item_ids), 0, dimension=model.scorer.item_embeddings.shape[1])
    return estimate_scoring(sizes, k, hops=bool(model.scorer.item_operators))


def estimate_scoring(sizes: Sizes, k: int, *, hops: bool, model: Need | None = None) -> MemoryEstimate:
    """What is in memory, the model, its embeddings once more beside those of unknown users and items, and a chunk of
    users: scores, lists of `k` as a table, and columns of items where there are item operators.
    """
    scores = top_k_bytes(sizes, sizes.num_users)
    users = min(sizes.num_users, max(1024, CHUNK_BYTES // max(1, FLOAT * sizes.num_items)))
    columns = 3 * FLOAT * OPERATOR_USERS * sizes.num_items if hops else 0
    needs = (
        Need("libraries and what is loaded", held_memory() + LIBRARIES),
        *(() if model is None else (model,)),
        Need("embeddings with those of unknown users and items", sizes.table(sizes.dimension + 2)),
        Need("scores and lists of a chunk of users", 0, scores + columns + 64 * k * users, ("--k",)),
    )
    return MemoryEstimate((Phase("scoring", one_after_another(needs)),))


def read_shapes(path: Path) -> dict[str, list[int]]:
    """Shapes of the tensors of a file of safetensors by name, from its header alone; ValueError for another file."""
    with path.open("rb") as file:
        length = int.from_bytes(file.read(8), "little")
        if length > MOST:
            raise ValueError("no header of safetensors")
        header = json.loads(file.read(length))
    return {name: about["shape"] for name, about in header.items() if name != "__metadata__"}
