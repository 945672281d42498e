"""Atomic: files and folders that appear whole or not at all."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory


@contextmanager
def atomic_path(path: Path) -> Iterator[Path]:
    """A path to write a file or a folder to, renamed to `path` when the block ends without an error.

    It lies in a temporary folder of its own beside `path`, so that writers do not meet, and is removed when the block
    fails; an older file or folder at `path` then stays as it was. The parent folder must exist (OSError).

    >>> with TemporaryDirectory() as folder:
    ...     with atomic_path(Path(folder) / "notes.txt") as draft:
    ...         _ = draft.write_text("whole")
    ...     [(path.name, path.read_text()) for path in Path(folder).iterdir()]
    [('notes.txt', 'whole')]
    """
    with TemporaryDirectory(prefix=f".{path.name}-", dir=path.parent) as folder:
        draft = Path(folder) / path.name
        yield draft
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        draft.replace(path)
