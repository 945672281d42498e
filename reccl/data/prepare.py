"""Prepare: a config's data section to a Dataset, reusing the cached one where nothing has changed."""

import hashlib
import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from reccl.bundle import find
from reccl.cache import cache_folder
from reccl.config_file import read_data_section, read_yaml
from reccl.data import store
from reccl.data.dataset import Dataset, run_pipeline
from reccl.data.ingest import pipelines
from reccl.data.ingest.acquire import acquire
from reccl.data.ingest.funnel import describe
from reccl.data.ingest.table_files import label
from reccl.data.settings import Data, validate_data
from reccl.errors import ConfigError, DataError

ROOM = Path(__file__).parent
CODE = tuple(
    path
    for pattern in (
        *("aligned.py", "conform.py", "dataset.py", "drop_cold.py", "encoded_interactions.py", "ids.py", "remarks.py"),
        *("weights.py", "ingest/*.py", "splits/*.py"),
    )
    for path in sorted(ROOM.glob(pattern))
)
"""The code on which it depends what is prepared."""


def load_dataset(name: str | Path, log: Callable[[str], None] = lambda _: None, **keys: Any) -> Dataset:
    """A data set by name (a file of configs/data, such as `ml-100k`), or by a config: its data section.

    Args:
        name: a name, or the path of a YAML file: a data section, or a whole config with one.
        log: called with a line for each step, such as where files come from.
        **keys: keys of the section, in place of those of the file; such as `split=Temporal()`.

    Raises ConfigError for a name or key that does not exist, DataError where the files cannot be had.

    """
    section, origin = read_section(str(name))
    origin = {key: line for key, line in origin.items() if key[0] not in keys}
    return prepare(validate_data({**section, **keys}, origin, f"load_dataset({str(name)!r})"), log)


def report(data: Dataset, log: Callable[[str], None]) -> None:
    """Log a line each: the rows that every step left, the sizes, and what was noticed about the files."""
    log(f"rows: {describe(data.counts)}")
    log(f"data: {data.describe()}")
    for note in data.notes:
        log(f"note: {note}")


def read_section(name: str) -> tuple[dict[str, Any], dict[tuple[str, ...], str]]:
    """The data section that a name or path means, and where each of its keys was written."""
    path, _ = find(name, "configs", ".yaml")
    if path is None:
        return read_data_section(name)
    content, lines = read_yaml(path)
    if not isinstance(content, dict) or not {"data", "pipeline"} & set(content):
        raise ConfigError(f"{path} has no data section; it needs a key data, or a key pipeline")
    origin = {key: f"{path}:{line}" for key, line in lines.items()}
    if "pipeline" in content:
        return content, origin
    if isinstance(content["data"], str):
        return read_data_section(content["data"])
    return content["data"], {key[1:]: line for key, line in origin.items() if key[0] == "data" and len(key) > 1}


def prepare(data: Data, log: Callable[[str], None] = lambda _: None) -> Dataset:
    """Acquire, run the pipeline, split and number; or read the same result from the cache.

    The schema of features and the scale of weights do not change what is prepared: they say how it is read later.
    """
    pipeline = pipelines.load(data.pipeline)
    if shadow := pipelines.find_shadow(data.pipeline):
        log(f"note: pipeline {data.pipeline} is the one that came with reccl; to use yours, write ./{shadow}")
    raw = acquire(data.source, root=data.root, log=log) if data.source else Path()
    files = pipeline.inputs(raw, **data.arguments())
    folder = locate_cache(data, pipeline, files or [])
    if files is not None and folder.is_dir():
        try:
            dataset = store.read(folder)
        except DataError as error:
            log(f"{error}; preparing it again")
        else:
            log(f"reusing prepared data {folder}")
            return dataset.with_settings(data)
    found = folder.is_dir()
    dataset = run_pipeline(data, raw, log)
    if found or not folder.is_dir():  # else another process has written the same meanwhile
        store.write(dataset, folder)
    return dataset


def keep(dataset: Dataset) -> None:
    """Put a data set that was made from tables in memory where `prepare` finds it by its settings alone."""
    if dataset.settings is not None:
        pipeline = pipelines.load(dataset.settings.pipeline)
        files = pipeline.inputs(Path(), **dataset.settings.arguments())
        store.write(dataset, locate_cache(dataset.settings, pipeline, files or []))


def locate_cache(data: Data, pipeline: pipelines.Pipeline, files: list[Path]) -> Path:
    """The folder of the cache that holds what is prepared of these files.

    Its name hashes the files' content, the pipeline's code and arguments, the split, and the code of this room: an
    edit prepares anew. What is prepared has a hash of its own, `Dataset.fingerprint`, which no edit changes.
    """
    where = {"root", "source", "features", "weight_scale"}  # what counts is content, not its place or how it is read
    paths = [name for name, value in data.arguments().items() if isinstance(value, Path)]
    keys = data.model_dump(mode="json", exclude={*where, *paths})
    key = hashlib.sha256(json.dumps([store.FORMAT, keys, paths]).encode())
    try:
        add_files(key, [pipeline.path, *CODE, *files])
    except OSError as error:
        raise DataError(
            f"cannot read {error.filename}: {error.strerror}; check the data section of the config"
        ) from None
    return cache_folder() / "prepared" / key.hexdigest()[:24]


def add_files(key: Any, paths: Iterable[Path]) -> None:
    """Add names and contents to a hash."""
    for path in paths:
        with path.open("rb") as file:
            key.update(label(path).encode() + hashlib.file_digest(file, "sha256").digest())
