"""Reopen: the data that a model was trained on, where it is now: as its settings say, in the cache, or elsewhere."""

import json
from collections.abc import Callable, Sequence
from pathlib import Path

from reccl.cache import cache_folder
from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.data.settings import Data
from reccl.errors import DataError, join_names


def reopen_data(
    data: Data, fingerprint: str, folders: Sequence[Path] = (), log: Callable[[str], None] = lambda _: None
) -> Dataset:
    """The data set with this fingerprint; from another folder than that of the training, and where raw files are gone.

    Looked for as the settings say, then in the cache by its fingerprint, then with the settings' relative paths below
    each of `folders`, those where the training ran. Where the files are there and have changed it is the data as they
    are now, with another fingerprint. Raises DataError, which says where it looked, where there is nothing.
    """
    here = {Path.cwd(), Path.cwd().resolve()}
    changed: Dataset | None = None
    try:
        found = prepare(data, log)
    except DataError as error:
        reason = str(error)
    else:
        if found.fingerprint == fingerprint or not is_relative(data) or here & {*folders}:
            return found
        changed, reason = found, "other data has that name here"
    if cached := find_prepared(fingerprint):
        log(f"reusing prepared data {cached}")
        return store.read(cached).with_settings(data)
    places = [folder for folder in dict.fromkeys(folders) if folder not in here and is_relative(data)]
    for folder in places:
        try:
            found = prepare(below(data, folder), log)
        except DataError:
            continue
        changed = found
        if found.fingerprint == fingerprint:
            return found.with_settings(data)
    if changed is not None:
        return changed
    also = f", nor below {join_names(map(str, places))}" if places else ""
    raise DataError(f"{reason}; it is not in the cache {cache_folder() / 'prepared'} either{also}")


def find_prepared(fingerprint: str) -> Path | None:
    """The folder of the cache that holds the data set with this fingerprint."""
    for manifest in sorted((cache_folder() / "prepared").glob(f"*/{store.MANIFEST}")):
        try:
            held = json.loads(manifest.read_text())
            if held.get("fingerprint") == fingerprint and held.get("format") == store.FORMAT:
                store.read(manifest.parent)
                return manifest.parent
        except (OSError, ValueError, AttributeError, DataError):
            continue
    return None


def relative_paths(data: Data) -> dict[str, Path]:
    """The settings that name files by a path relative to the folder that reccl runs in."""
    values = {**data.arguments(), "root": data.root}
    return {name: value for name, value in values.items() if isinstance(value, Path) and not value.is_absolute()}


def is_relative(data: Data) -> bool:
    """Whether what is read depends on the folder that reccl runs in."""
    return bool(relative_paths(data)) or bool(data.source and not Path(data.source).is_absolute())


def below(data: Data, folder: Path) -> Data:
    """The same settings as they are read in another folder."""
    moved: dict[str, object] = {name: folder / path for name, path in relative_paths(data).items()}
    if data.source and (folder / data.source).is_dir():
        moved["source"] = str(folder / data.source)
    return data.model_copy(update=moved)
