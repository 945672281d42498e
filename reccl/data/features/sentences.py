"""Sentences: texts through a sentence-transformers model on this machine."""

from __future__ import annotations

from importlib import import_module
from pathlib import Path

from reccl.lazy import np


def encode_sentences(folder: Path, texts: list[str]) -> np.ndarray:
    """[n, d] float64, rows of length 1. Raises ValueError where the package or the model is not there."""
    if not folder.is_dir():
        raise ValueError(f"no folder {folder} with a sentence-transformers model; nothing is downloaded")
    try:
        package = import_module("sentence_transformers")
    except ImportError:
        raise ValueError(f"model {folder} needs the package sentence-transformers: pip install it") from None
    model = package.SentenceTransformer(str(folder), local_files_only=True)
    if not texts:
        return np.zeros((0, 0))
    made = model.encode(texts, normalize_embeddings=True, show_progress_bar=False)
    return np.asarray(made, dtype=np.float64)
