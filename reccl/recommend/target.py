"""Target: where output goes. A regular file is replaced when the new one is whole; a device or pipe is written into."""

import errno
import os
import shutil
import stat
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, cast

from reccl.atomic import atomic_path
from reccl.errors import ConfigError, DataError, RecclError

STDOUT = Path("-")
"""Standard output."""


def check_target(path: Path) -> None:
    """Fail before the work, not after it. Folders on the way are made."""
    if is_stdout(path):
        return
    try:
        if path.is_dir():
            raise ConfigError(f"--out {path} is a folder; name a file, or {path}/ for a folder of parts")
        if path.exists():
            if path.is_block_device():
                raise ConfigError(f"--out {path} is a disk; name a file")
            if not os.access(path, os.W_OK):
                raise DataError(f"cannot write to {path}: it is read-only; choose another --out")
        if not is_special(path):
            check_parent(path)
    except (OSError, RuntimeError, ValueError) as error:  # a loop of links, a name that no file can have
        raise refuse_target(path, error) from None


def check_parent(path: Path) -> None:
    """Fail before the work where no file or folder can be made at this path. Folders on the way are made."""
    try:
        folder = follow_links(path).parent
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except (OSError, RuntimeError, ValueError) as error:
        raise refuse_target(path, error) from None


def refuse_target(path: Path, error: Exception) -> DataError:
    """The error of an --out that cannot be written."""
    return DataError(f"cannot write to {path.parent}: {describe(error)}; choose another --out")


@contextmanager
def open_target(path: Path) -> Iterator[IO[bytes]]:
    """A file to write bytes to: `-` is standard output, a link is followed.

    A device or a pipe is written into. Of any other path, the file gets its name when the block ends without an error;
    a crash leaves an older file of that name as it was. Raises RecclError where it cannot be written to.
    """
    try:
        if is_stdout(path):
            with open_stdout() as file:
                yield file
        elif is_special(path):
            with path.open("wb") as file:
                yield file
        else:
            goal = follow_links(path)
            with atomic_path(goal) as draft:
                with draft.open("wb") as file:
                    yield file
                if goal.exists():
                    shutil.copymode(goal, draft)
    except BrokenPipeError:
        raise
    except OSError as error:
        raise RecclError(f"cannot write {path}: {describe(error)}; choose another --out") from None


def follow_links(path: Path) -> Path:
    """The file that a path means. Raises OSError where links go round in a circle, on every Python."""
    try:
        goal = path.resolve()
    except RuntimeError:  # before Python 3.13
        goal = path
    if goal.is_symlink():
        raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), str(path))
    return goal


def is_stdout(path: Path) -> bool:
    """Whether a path is standard output: `-`, /dev/stdout, or another name of the same device, pipe or file."""
    if path == STDOUT:
        return True
    try:
        return os.path.samestat(path.stat(), os.fstat(sys.__stdout__.fileno())) if sys.__stdout__ else False
    except (OSError, ValueError):
        return False


def is_special(path: Path) -> bool:
    """Whether a path is there and no regular file: a device, a pipe, or a descriptor of this process."""
    try:
        mode = path.stat().st_mode
    except (OSError, ValueError):
        return False
    return not stat.S_ISREG(mode) or path.absolute().parts[:2] in (("/", "dev"), ("/", "proc"))


@contextmanager
def open_stdout() -> Iterator[IO[bytes]]:
    """Standard output as a file of bytes, also where something else stands in its place."""
    sys.stdout.flush()
    if (buffer := getattr(sys.stdout, "buffer", None)) is not None:
        yield cast(IO[bytes], buffer)
        buffer.flush()
        return
    kept = BytesIO()
    yield kept
    sys.stdout.write(kept.getvalue().decode(errors="replace"))


def describe(error: Exception) -> str:
    """What a failed call of the file system says."""
    return str(getattr(error, "strerror", None) or error)
