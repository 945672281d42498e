"""ANN: indexes of faiss over the items, measured against the exact one."""

from __future__ import annotations

import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, get_args

import numpy as np

from reccl.errors import RecclError
from reccl.recommend.export.vectors import Vectors

AnnIndex = Literal["exact", "hnsw", "ivf"]
INDEXES: tuple[AnnIndex, ...] = get_args(AnnIndex)
SAMPLE, K = 1000, 20
"""Users, and length of their lists, by which an index is measured."""
LINKS, BREADTH = 32, 128
"""Links of an item in the graph of HNSW; candidates while it is built and searched (Malkov and Yashunin, 2018)."""
PROBES = 16
"""Cells of IVF that a search looks into; there are about 4 sqrt(I) of them (guidelines of faiss)."""


def write_faiss(vectors: Vectors, folder: Path, index: AnnIndex, log: Callable[[str], None]) -> dict[str, object]:
    """Build and write `items.faiss`; what was measured. Raises RecclError where faiss is missing."""
    try:
        import faiss
    except ImportError:
        raise RecclError("faiss is not installed: pip install 'reccl[faiss]'") from None
    items = np.ascontiguousarray(vectors.items.numpy())
    started = time.perf_counter()
    built = build_index(faiss, items, index)
    seconds = time.perf_counter() - started
    faiss.write_index(built, str(folder / "items.faiss"))
    exact = faiss.IndexFlatIP(items.shape[1])
    exact.add(items)
    users = vectors.users.numpy()[:: max(1, len(vectors.users) // SAMPLE)][:SAMPLE]
    k = min(K, len(items))
    expected, exact_rate = search(exact, users, k)
    found, rate = search(built, users, k)
    recall = float(np.mean([len(np.intersect1d(a, b)) / k for a, b in zip(expected, found, strict=True)]))
    log(
        f"{index} index of {len(items):,} items built in {seconds:.1f} s: recall@{k} {recall:.4f} against exact, "
        f"{rate:,.0f} users/s ({rate / exact_rate:.2f} x the exact index), {len(users):,} users"
    )
    return {f"recall_at_{k}": round(recall, 4), "times_exact_speed": round(rate / exact_rate, 2)}


def build_index(faiss: Any, items: np.ndarray[Any, Any], index: AnnIndex) -> Any:
    """An index of faiss by inner product over items [I, D]."""
    count, dimension = items.shape
    if index == "hnsw":
        built = faiss.IndexHNSWFlat(dimension, LINKS, faiss.METRIC_INNER_PRODUCT)
        built.hnsw.efConstruction = built.hnsw.efSearch = BREADTH
    elif index == "ivf":
        cells = max(1, min(round(4 * count**0.5), count // 39))  # faiss wants 39 items a cell to train on
        built = faiss.IndexIVFFlat(faiss.IndexFlatIP(dimension), dimension, cells, faiss.METRIC_INNER_PRODUCT)
        built.cp.seed = 0
        built.train(items)
        built.nprobe = min(PROBES, cells)
    else:
        built = faiss.IndexFlatIP(dimension)
    built.add(items)
    return built


def search(index: Any, users: np.ndarray[Any, Any], k: int) -> tuple[np.ndarray[Any, Any], float]:
    """The k best items of every user, and users a second."""
    started = time.perf_counter()
    _, found = index.search(users, k)
    return found, len(users) / max(1e-9, time.perf_counter() - started)
