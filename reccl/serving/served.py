"""The model as MLflow serves it. A script for MLflow, not a module of reccl: no class of this package is pickled.

Where reccl is installed beside MLflow, it answers (`reccl.serving`). Where it is not, numpy, pandas, pyarrow,
safetensors and scipy are enough for lists of known users.
"""

import hashlib
import json
import logging
import os
import re
from contextvars import ContextVar
from pathlib import Path
from typing import Any

import mlflow
import mlflow.pyfunc
import numpy as np
import pandas as pd
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import INVALID_PARAMETER_VALUE
from safetensors.numpy import load_file
from scipy.sparse import csr_matrix

COLUMNS = ("user", "history", "exclude", "candidates", "features")
PARAMETERS = ("k", "include_seen", "item_columns", "explain", "rules", "new_items")
CHUNK = 1024  # users scored at a time
SOURCES = np.array(["model", "fold_in", "content", "popularity"], dtype=object)  # as in reccl.cold_start.sources
POPULARITY = 3  # its place among them
PLAIN = "RECCL_PLAIN_LISTS"  # set while a model is recorded: MLflow tries the example, for which plain lists are enough


class Recommender(mlflow.pyfunc.PythonModel):  # type: ignore[misc, name-defined]
    """predict(table with a column `user`, params={k, ...}) -> table of user, item, score, rank, source."""

    lists: Any  # what answers
    refusal: type[Exception]  # what it raises where a request means nothing

    def load_context(self, context: Any) -> None:
        """Read the model folder."""
        logging.getLogger("mlflow.models.utils").addFilter(Dropped())
        folder = Path(context.artifacts["model"])
        if os.environ.get(PLAIN):
            self.lists, self.refusal = PlainLists(folder), ValueError
            return
        try:
            from reccl.errors import RecclError
            from reccl.serving import Service
        except ModuleNotFoundError:
            self.lists, self.refusal = PlainLists(folder), ValueError
        else:
            self.lists, self.refusal = Service.read(folder), RecclError

    def predict(self, context: Any, model_input: pd.DataFrame, params: dict[str, Any] | None = None) -> pd.DataFrame:
        """The k best items of each user, in the order of the request; `reccl.serving` says what it may hold."""
        if line := Dropped.line.get():
            raise BadRequest(line)
        try:
            answer: pd.DataFrame = self.lists.answer(model_input, params or {})
        except self.refusal as error:
            raise BadRequest(str(error)) from None
        return answer


class Dropped(logging.Filter):
    """Hears what MLflow leaves out of a request before the model is called: names that the signature does not have.

    A misspelt rule must not become a list without it. A server, where each request has a context of its own, refuses
    such a request; elsewhere MLflow's warning is all there is.
    """

    said = re.compile(r"(Unrecognized params|Found extra inputs[^`]*`?) ?\[(.*?)\]")

    line: ContextVar[str | None] = ContextVar("line", default=None)

    def filter(self, record: logging.LogRecord) -> bool:
        """Keep what a warning says; all records pass."""
        match = self.said.search(record.getMessage())
        if match and os.environ.get("_MLFLOW_IS_IN_SERVING_ENVIRONMENT") == "true":
            what, known = ("parameter", PARAMETERS) if "params" in match[1] else ("column", COLUMNS)
            self.line.set(f"a request has no {what} {match[2]}; there are: {', '.join(known)}")
        return True


class BadRequest(MlflowException):
    """A request that means nothing: status 400 and one line, in which MLflow does not repeat the request."""

    def __init__(self, line: str) -> None:
        super().__init__(line, error_code=INVALID_PARAMETER_VALUE)
        self.line = line

    def serialize_as_json(self) -> str:
        """The body of the answer."""
        return json.dumps({"error_code": self.error_code, "message": self.line})


class PlainLists:
    """Lists of the users of a model and, by popularity, of others, without reccl."""

    def __init__(self, folder: Path) -> None:
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

    def answer(self, model_input: pd.DataFrame, params: dict[str, Any]) -> pd.DataFrame:
        """The k best items of each user, unknown users by popularity. Raises ValueError for what it cannot do."""
        for name in (*model_input.columns, *(name for name, value in params.items() if value)):
            if name not in ("user", "k", "include_seen"):
                raise ValueError(
                    f"{name} needs reccl on the server (pip install reccl); without it: user, k, include_seen"
                )
        if "user" not in model_input:
            raise ValueError("the request has no column 'user'")
        if (asked := int(params.get("k", 20))) < 1:
            raise ValueError(f"k {asked}: ask for at least one item")
        k = min(asked, len(self.items))
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
