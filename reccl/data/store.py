"""Store: a prepared Dataset on disk as Parquet and JSON, every file with its digest."""

import hashlib
import json
from dataclasses import asdict
from pathlib import Path
from typing import Any

import polars as pl

from reccl.atomic import atomic_path
from reccl.data.columns import PARTS, TEST, TRAIN, VALIDATION
from reccl.data.dataset import Dataset
from reccl.data.ids import IdMap
from reccl.data.ingest.funnel import Count
from reccl.errors import DataError

MANIFEST = "dataset.json"
FORMAT = 2
GIVEN = "given_"
"""What the names of tables of given rows begin with, before their part."""


def write(dataset: Dataset, folder: Path) -> None:
    """Write the folder, whole or not at all; of several writers at once the last one's copy stays."""
    tables = {
        "users": dataset.user_ids.ids.to_frame(),
        "items": dataset.item_ids.ids.to_frame(),
        "user_table": dataset.user_table,
        "item_table": dataset.item_table,
        **{part: dataset.part(part) for part in PARTS},
        **{f"{GIVEN}{part}": rows for part, rows in dataset.given.items()},
    }
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(folder) as draft:
            draft.mkdir()
            digests = {}
            for name, table in tables.items():
                if table is not None:
                    path = draft / f"{name}.parquet"
                    table.write_parquet(path)
                    digests[path.name] = sha256(path)
            manifest = {
                "format": FORMAT,
                "fingerprint": dataset.fingerprint,
                "counts": [asdict(count) for count in dataset.counts],
                "notes": dataset.notes,
                "files": digests,
            }
            manifest["digest"] = hash_values(manifest)
            (draft / MANIFEST).write_text(json.dumps(manifest, indent=2))
    except OSError as error:
        reason = error.strerror or error
        raise DataError(f"cannot write {folder}: {reason}; set RECCL_CACHE to a folder you may write to") from None


def read(folder: Path) -> Dataset:
    """Read a prepared data set. Raises DataError where a file is missing or not what was written."""
    try:
        manifest = json.loads((folder / MANIFEST).read_text())
        if manifest["format"] != FORMAT:
            raise DataError(f"prepared data {folder} has format {manifest['format']}, not {FORMAT}")
        if manifest.pop("digest") != hash_values(manifest):
            raise DataError(f"prepared data {folder / MANIFEST} is corrupt")
        tables = {}
        for name, expected in manifest["files"].items():
            if sha256(folder / name) != expected:
                raise DataError(f"prepared data {folder / name} is corrupt")
            tables[Path(name).stem] = pl.read_parquet(folder / name)
        return Dataset(
            IdMap(tables["users"].to_series()),
            IdMap(tables["items"].to_series()),
            tables[TRAIN],
            tables[VALIDATION],
            tables[TEST],
            tables.get("user_table"),
            tables.get("item_table"),
            tuple(Count(**count) for count in manifest["counts"]),
            manifest["fingerprint"],
            notes=tuple(manifest["notes"]),
            given={name.removeprefix(GIVEN): table for name, table in tables.items() if name.startswith(GIVEN)},
        )
    except DataError:
        raise
    except (Exception, pl.exceptions.PanicException) as error:  # a file may hold anything
        raise DataError(f"prepared data {folder} is corrupt ({type(error).__name__})") from None


def hash_values(values: dict[str, Any]) -> str:
    """Hex digest of what a manifest says."""
    return hashlib.sha256(json.dumps(values).encode()).hexdigest()


def sha256(path: Path) -> str:
    """Hex digest of a file."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
