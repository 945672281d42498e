"""The model as MLflow serves it. A script for MLflow, not a module of reccl: it needs numpy, pandas, pyarrow,
safetensors and scipy, and no class of this package is pickled or imported.
"""

import hashlib
import json
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix

CHUNK = 1024  # users scored at a time
SOURCES = np.array(["model", "fold_in", "content", "popularity"], dtype=object)  # as in reccl.cold_start.sources
POPULARITY = 3  # its place among them


class Recommender(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """predict(table with a column `user`, params={k, include_seen}) -> table of user, item, score, rank, source."""

    def load_context(self, context: Any) -> None:
        """Read the model folder."""
        folder = Path(context.artifacts["model"])
        check_digests(folder)
        tensors = load_file(folder / "model.safetensors")
        self.user_embeddings = tensors["user_embeddings"]  # [U, D]
        self.item_embeddings = tensors["item_embeddings"]  # [I, D]
        self.item_operators = read_operators(tensors)
        if self.item_operators:  # scores also come from the items that a user has
            self.history_start, self.history_item = tensors["history_start"], tensors["history_item"]
            self.history_weight = tensors.get("history_weight", np.ones(len(self.history_item), np.float32))
        manifest = json.loads((folder / "model.json").read_text())
        self.lists_seen = bool(manifest.get("lists_seen", False))  # unless params say otherwise
        self.personal = [tensors.get(f"personal_{part}") for part in ("start", "item", "weight")]  # or three times None
        self.known_start, self.known_item = tensors["known_start"], tensors["known_item"]  # [U + 1], [E]
        self.popularity = tensors["popularity"]  # [I]
        self.user_source, self.item_source = tensors["user_source"], tensors["item_source"]  # [U], [I]
        self.unknown_user = tensors["user_source"] == POPULARITY  # [U]: of them nothing is known
        self.unknown_item = tensors["item_source"] == POPULARITY  # [I]
        self.users = pd.Index(pd.read_parquet(folder / "users.parquet")["id"])
        self.items = pd.read_parquet(folder / "items.parquet")["id"].to_numpy()

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The k best items of each user, unknown users by popularity.

        MLflow drops parameters that the signature does not declare, with a warning, before it calls this; they are
        refused here where the class is called without it. A value of another type is MLflow's error.
        """
        params = params or {}
        if unknown := set(params) - {"k", "include_seen"}:
            raise ValueError(f"no parameter {sorted(unknown)[0]!r}; there are k and include_seen")
        k = min(int(params.get("k", 20)), len(self.items))
        users = model_input["user"].drop_duplicates().to_numpy()
        rows = self.users.get_indexer(users)  # -1: unknown
        tables = [
            self._chunk(
                users[at : at + CHUNK], rows[at : at + CHUNK], k, bool(params.get("include_seen", self.lists_seen))
            )
            for at in range(0, len(users), CHUNK)
        ]
        columns = ["user", "item", "score", "rank", "source"]
        return pd.concat(tables, ignore_index=True) if tables else pd.DataFrame(columns=columns)

    def _chunk(
        self, users: np.ndarray[Any, Any], rows: np.ndarray[Any, Any], k: int, include_seen: bool
    ) -> pd.DataFrame:
        scores = self.user_embeddings[rows.clip(0)] @ self.item_embeddings.T  # [b, I]
        if self.item_operators:
            x = np.zeros((len(self.items), len(rows)), dtype=np.float32)  # [I, b]
            for place, row in enumerate(rows.clip(0)):
                own = slice(self.history_start[row], self.history_start[row + 1])
                x[self.history_item[own], place] = self.history_weight[own]
            for matrices in self.item_operators:
                column = x
                for matrix in matrices:
                    column = matrix @ column
                scores += column.T
        start, item, weight = self.personal
        if start is not None and item is not None and weight is not None:
            for place, row in enumerate(rows.clip(0)):
                own = slice(start[row], start[row + 1])
                scores[place, item[own]] += weight[own]
        if self.unknown_item.any():
            scores[:, self.unknown_item] = scores.min() - 1
        unknown = rows < 0
        if self.unknown_user.any():
            unknown |= self.unknown_user[rows.clip(0)]
        scores[unknown] = self.popularity
        for place, row in enumerate(rows):
            if row >= 0 and not include_seen:
                scores[place, self.known_item[self.known_start[row] : self.known_start[row + 1]]] = -np.inf
        best = np.argpartition(-scores, k - 1, axis=1)[:, :k]  # [b, k] unordered
        ordered = np.take_along_axis(best, np.argsort(-np.take_along_axis(scores, best, 1), axis=1, kind="stable"), 1)
        source = np.where(unknown, POPULARITY, self.user_source[rows.clip(0)])  # [b]
        table = pd.DataFrame(
            {
                "user": np.repeat(users, k),
                "item": self.items[ordered].ravel(),
                "score": np.take_along_axis(scores, ordered, 1).ravel().astype(np.float32),
                "rank": np.tile(np.arange(1, k + 1, dtype=np.int32), len(users)),
                "source": SOURCES[np.maximum(source[:, None], self.item_source[ordered])].ravel(),
            }
        )
        served: pd.DataFrame = table[np.isfinite(table["score"])]
        return served


def check_digests(folder: Path) -> None:
    """Refuse a model whose files are not what was written; see reccl.recommend.verify."""
    path = folder / "digests.json"
    for name, digest in json.loads(path.read_text()).items() if path.is_file() else ():
        with (folder / name).open("rb") as file:
            if hashlib.file_digest(file, "sha256").hexdigest() != digest:
                raise ValueError(f"{folder / name} is not what was written: its SHA-256 differs; train the model again")


def read_operators(tensors: dict[str, np.ndarray[Any, Any]]) -> list[list[Any]]:
    """The item operators of a model that scores from a user's history, each as its matrices."""
    operators: list[list[Any]] = []
    while matrices := read_matrices(tensors, f"item_operator_{len(operators)}"):
        operators.append(matrices)
    return operators


def read_matrices(tensors: dict[str, np.ndarray[Any, Any]], operator: str) -> list[Any]:
    """The matrices of one operator by its name; empty where the model does not have it."""
    matrices: list[Any] = []
    while (name := f"{operator}_matrix_{len(matrices)}") in tensors or f"{name}_value" in tensors:
        if name in tensors:
            matrices.append(tensors[name])
        else:
            value, column, start = (tensors[f"{name}_{part}"] for part in ("value", "column", "start"))
            matrices.append(csr_matrix((value, column, start), shape=tuple(tensors[f"{name}_shape"])))
    return matrices


mlflow.models.set_model(Recommender())
