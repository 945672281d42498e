"""Trust: whose code runs. What you name on a command line runs; what a stored run names, only if you ran it before.

A config names code by `pipeline: shop.py` and `class: my_package.module.MySettings`. The config of a stored run may
come from somebody else, so that its code runs only where it came with reccl, or where its digest is in the list of what
your own trainings have run.
"""

import hashlib
import os
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from contextvars import ContextVar
from importlib.machinery import PathFinder
from pathlib import Path

from reccl.cache import cache_folder
from reccl.errors import ConfigError, DataError

_RESTRICTED: ContextVar[bool] = ContextVar("restricted", default=False)


@contextmanager
def restrict_code(restricted: bool = True) -> Iterator[None]:
    """While the block runs, only trusted code is run for a config."""
    token = _RESTRICTED.set(restricted)
    try:
        yield
    finally:
        _RESTRICTED.reset(token)


def require_trust(paths: list[Path], name: str) -> None:
    """Refuse to run these files for a stored config unless their digests are on the list. Raises ConfigError."""
    if not _RESTRICTED.get():
        return
    known = read_list()
    unknown = [path for path in paths if digest_file(path) not in known]
    if unknown or not paths:
        where = f" ({unknown[0]})" if unknown else ""
        raise ConfigError(
            f"the run names code of its own, {name}{where}, which no training of yours has run, or which has changed "
            "since; read it, and if you trust it give --trust (in Python: trust=True)"
        )


def record_trust(paths: list[Path]) -> None:
    """Put files that a training of this user has run on the list."""
    known = read_list()
    lines = [f"{digest}  {path}\n" for path in paths if (digest := digest_file(path)) and digest not in known]
    if not lines:
        return
    with suppress(OSError, DataError):  # then the run is asked for --trust
        descriptor = os.open(list_path(), os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
        with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
            file.writelines(lines)


def read_list() -> set[str]:
    """The digests on the list; none where the file may be written by others."""
    try:
        path = list_path()
        status = path.stat()
        if status.st_uid != os.getuid() or status.st_mode & (stat.S_IWGRP | stat.S_IWOTH):
            return set()
        return {line.split()[0] for line in path.read_text(errors="replace").splitlines() if line.strip()}
    except (OSError, DataError):
        return set()


def list_path() -> Path:
    """The file with the list, one for each user of a cache folder."""
    return cache_folder() / f"trusted-code-{os.getuid()}.txt"


def digest_file(path: Path) -> str | None:
    """SHA-256 of a file; None where it cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


def module_files(name: str) -> list[Path]:
    """The files that an import of a module runs, its packages' first, found without running anything; or none.

    >>> [path.name for path in module_files("reccl.trust")]
    ['__init__.py', 'trust.py']
    """
    files: list[Path] = []
    places: list[str] | None = None
    parts = name.split(".")
    for end in range(1, len(parts) + 1):
        try:
            spec = PathFinder.find_spec(".".join(parts[:end]), places)
        except (ImportError, ValueError):
            return []
        if spec is None:
            return []
        if spec.has_location and spec.origin:
            files.append(Path(spec.origin))
        places = list(spec.submodule_search_locations or [])
    return files
