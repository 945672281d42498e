"""Verify: whether the folder of a model holds what was written, and whether its parts fit together."""

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path

import polars as pl
import torch
from torch import Tensor

from reccl.cold_start.sources import SOURCES
from reccl.data.user_items import UserItemCSR
from reccl.scorers import Scorer

DIGESTS = "digests.json"
"""The SHA-256 of every other file of the folder, by name."""


class DamageError(ValueError):
    """What is wrong with a stored model."""


def seal(folder: Path, *names: str) -> None:
    """Note the digests of these files beside those that are noted already."""
    path = folder / DIGESTS
    noted = json.loads(path.read_text()) if path.is_file() else {}
    path.write_text(json.dumps(noted | {name: sha256(folder / name) for name in names}, indent=2))


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def check_digests(folder: Path) -> None:
    """Raise DamageError where a file is not what was written; a model of reccl before 0.1.0 has no digests."""
    path = folder / DIGESTS
    if not path.is_file():
        return
    noted = json.loads(path.read_text())
    if not isinstance(noted, dict):
        raise DamageError(f"{DIGESTS} is not a map of file names")
    for name, digest in noted.items():
        if Path(name).name != name or not (folder / name).is_file():
            raise DamageError(f"{name} is missing")
        if sha256(folder / name) != digest:
            raise DamageError(f"{name} is not what was written: its SHA-256 differs")


def check_ids(table: pl.DataFrame, side: str, count: object) -> pl.Series:
    """The ids of one side. Raises DamageError where they are no list of so many distinct ids."""
    if table.columns != ["id"]:
        raise DamageError(f"{side}.parquet has the columns {table.columns}, not id alone")
    ids = table.to_series()
    if not (ids.dtype.is_integer() or ids.dtype == pl.String):
        raise DamageError(f"{side}.parquet holds {ids.dtype}, not ids")
    if len(ids) != count:
        raise DamageError(f"{side}.parquet has {len(ids):,} ids, and there should be {count}")
    if ids.null_count() or ids.n_unique() != len(ids):
        raise DamageError(f"{side}.parquet has ids that are missing or not unique")
    return ids


def check_finite(tensors: Mapping[str, Tensor]) -> None:
    """Raise DamageError where a number is NaN or infinite; what features have learned may be."""
    for name, tensor in tensors.items():
        if tensor.is_floating_point() and "_features." not in name and not bool(tensor.isfinite().all()):
            raise DamageError(f"{name} has numbers that are not finite")


def check_scorer(scorer: Scorer, users: int, items: int) -> None:
    """Raise DamageError where embeddings, history and operators are not of so many users and items."""
    dimension = scorer.user_embeddings.shape[-1]
    check_shape("user_embeddings", scorer.user_embeddings, (users, dimension), torch.float32)
    check_shape("item_embeddings", scorer.item_embeddings, (items, dimension), torch.float32)
    if scorer.history is not None:
        check_user_items("history", scorer.history, users, items)
        if (weight := scorer.history.weight) is not None:
            check_shape("history_weight", weight, (len(scorer.history.item),), torch.float32)
    elif scorer.item_operators:
        raise DamageError("there are item operators, and no history that they apply to")
    if scorer.personal is not None:
        check_user_items("personal", scorer.personal, users, items)
        check_shape("personal_weight", scorer.personal.values, (len(scorer.personal.item),), torch.float32)
    for number, operator in enumerate(scorer.item_operators):
        columns = items
        for matrix in operator.matrices:
            if matrix.dim() != 2 or matrix.shape[1] != columns:
                raise DamageError(f"item_operator_{number} has the shape {tuple(matrix.shape)}, not [., {columns}]")
            columns = matrix.shape[0]
        if columns != items:
            raise DamageError(f"item_operator_{number} gives {columns:,} scores, and there are {items:,} items")


def check_user_items(name: str, rows: UserItemCSR, users: int, items: int) -> None:
    """Raise DamageError where these are not items of so many users, ascending, each once."""
    start, item = rows.start, rows.item
    check_shape(f"{name}_start", start, (users + 1,), torch.int64)
    check_shape(f"{name}_item", item, (len(item),), torch.int64)
    whole = int(start[0]) == 0 and int(start[-1]) == len(item) and bool((start.diff() >= 0).all())
    if not whole or (len(item) and not (int(item.min()) >= 0 and int(item.max()) < items)):
        raise DamageError(f"{name} names items or users that are not there")
    user, own = rows.gather_pairs(torch.arange(users))
    if not bool(((user * items + own).diff() > 0).all()):
        raise DamageError(f"{name} has items that are repeated or not in order")


def check_sources(name: str, source: Tensor, count: int) -> None:
    """Raise DamageError where these are not so many places in SOURCES."""
    check_shape(name, source, (count,), torch.int8)
    if count and not (int(source.min()) >= 0 and int(source.max()) < len(SOURCES)):
        raise DamageError(f"{name} has values beyond {len(SOURCES) - 1}")


def check_shape(name: str, tensor: Tensor, shape: tuple[int, ...], dtype: torch.dtype) -> None:
    """Raise DamageError where a tensor is not of this shape and type."""
    if tuple(tensor.shape) != shape or tensor.dtype != dtype:
        found, expected = (f"{list(size)} {kind}" for size, kind in ((tensor.shape, tensor.dtype), (shape, dtype)))
        raise DamageError(f"{name} is {found}, and should be {expected}")
