"""Atomic: files and folders that appear whole or not at all."""

import errno
import fcntl
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import mkdtemp

DRAFT = re.compile(r"\.(?P<name>.{1,40})-[a-z0-9_]{8}\.draft", re.DOTALL)
"""Names of draft folders: the beginning of the target's name, and random characters."""


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write a file or a folder to, renamed to `path` when the block ends without an error.

    It lies in a draft folder of its own beside `path`, so that writers do not meet, and is removed when the block
    fails; an older file or folder at `path` then stays as it was. The parent folder must exist (OSError).

    >>> from tempfile import TemporaryDirectory
    >>> with TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "notes.txt") as draft:
    ...         _ = draft.write_text("whole")
    ...     [(path.name, path.read_text()) for path in Path(folder).iterdir()]
    [('notes.txt', 'whole')]
    """
    with draft_folder(path) as folder:
        draft = folder / path.name
        yield draft
        move(draft, path, folder)


@contextmanager
def draft_folder(path: Path) -> Iterator[Path]:
    """A new folder beside `path`, removed when the block ends; what killed processes left of such folders goes first.

    Its process holds a lock on it, by which others tell that it is in use: on Linux and macOS, in containers too.
    """
    remove_abandoned(path)
    folder, descriptor = new_folder(path)
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)
        if descriptor is not None:
            os.close(descriptor)


def new_folder(path: Path) -> tuple[Path, int | None]:
    """An empty draft folder for `path` and the descriptor of its lock; None where the file system has no locks."""
    while True:
        folder = Path(mkdtemp(prefix=f".{path.name[:40]}-", suffix=".draft", dir=path.parent))
        try:
            return folder, lock(folder)
        except (BlockingIOError, FileNotFoundError):
            continue  # another writer took it for abandoned before it was locked
        except OSError:
            return folder, None


def remove_abandoned(path: Path) -> None:
    """Remove the draft folders of `path` whose processes were killed."""
    with suppress(OSError):
        for entry in list(path.parent.iterdir()):
            match = DRAFT.fullmatch(entry.name)
            if match and match["name"] == path.name[:40]:
                with suppress(OSError):  # in use, just gone, or on a file system without locks
                    descriptor = lock(entry)
                    shutil.rmtree(entry, ignore_errors=True)
                    os.close(descriptor)


def lock(path: Path) -> int:
    """Lock a file or folder for this process: a descriptor that holds the lock until it is closed.

    Raises BlockingIOError where another process holds it, FileNotFoundError where the path is gone, and another OSError
    where the file system has no locks.
    """
    descriptor = os.open(path, os.O_RDONLY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        path.stat()
    except OSError:
        os.close(descriptor)
        raise
    return descriptor


def move(draft: Path, path: Path, aside: Path) -> None:
    """Rename a file or folder; a folder at its new place goes to the folder `aside` first, whoever wrote it."""
    while True:
        try:
            draft.replace(path)
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            with suppress(FileNotFoundError):  # another writer has just moved it
                path.rename(Path(mkdtemp(dir=aside)) / path.name)
        else:
            return
