"""Downloads that end whole or not at all: tried again, checked by digest, archives opened with care.

Not pooch, which does most of this: it knows one digest a file where two published copies of Gowalla differ, tries again
after a wrong digest or a 404 as well, and would bring requests and a second kind of progress bar.
"""

import hashlib
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path, PurePosixPath, PureWindowsPath
from typing import BinaryIO
from urllib.error import HTTPError
from urllib.request import Request, urlopen
from zipfile import BadZipFile, ZipFile, ZipInfo

from reccl.atomic import atomic_path
from reccl.errors import DataError

CHUNK = 1 << 20
TIMEOUT = 30.0
"""Seconds without a byte before a try is given up."""
PAUSES = (1.0, 4.0)
"""Seconds before each further try."""


def download(url: str, path: Path, digests: tuple[str, ...]) -> None:
    """Fetch a file and check it; whatever goes wrong, nothing is left at `path`.

    A connection that fails or breaks off is tried again; a refusal (404) and a wrong digest are not.
    """
    for pause in (*PAUSES, None):
        try:
            with atomic_path(path) as part:
                _fetch(url, part)
                verify(part, digests, url)
            return
        except (OSError, HTTPException, ValueError) as error:
            if pause is None or isinstance(error, ValueError) or (isinstance(error, HTTPError) and error.code < 500):
                reason = getattr(error, "reason", None) or error or type(error).__name__
                raise DataError(f"download of {url} failed: {reason}") from error
            time.sleep(pause)


def _fetch(url: str, path: Path) -> None:
    received, expected = 0, None
    request = Request(url, headers={"User-Agent": "reccl"})  # only addresses of the catalog come here
    try:
        with urlopen(request, timeout=TIMEOUT) as answer, path.open("wb") as file:
            length = answer.headers.get("Content-Length")
            expected = int(length) if length else None
            with _progress(answer, path.name, expected) as reader:
                while chunk := reader.read(CHUNK):
                    received += file.write(chunk)
        if expected is not None and received < expected:
            raise OSError("the connection broke off")
    except (OSError, HTTPException) as error:
        if not received:
            raise
        reason = f"{error or type(error).__name__} after {_format_size(received)} of {_format_size(expected)}"
        raise OSError(reason) from error


def verify(path: Path, digests: tuple[str, ...], origin: str) -> None:
    """Refuse a file that digests to none of these (`sha256:...`, `md5:...`)."""
    found = []
    for algorithm in dict.fromkeys(digest.partition(":")[0] for digest in digests):
        with path.open("rb") as file:
            found.append(f"{algorithm}:{hashlib.file_digest(file, algorithm).hexdigest()}")
    if not set(found) & set(digests):
        raise DataError(
            f"{origin} is not the file that was published: it digests to {' and '.join(found)}, "
            f"not {' or '.join(digests)}"
        )


def extract(archive: Path, members: tuple[str, ...], folder: Path) -> None:
    """Take these members, and nothing else, out of a zip archive, straight into a folder."""
    try:
        with ZipFile(archive) as opened:
            entries = {entry.filename: entry for entry in opened.infolist()}
            for entry in entries.values():
                _refuse_escape(entry, archive)
            for member in members:
                if member not in entries:
                    raise DataError(f"{archive.name} holds no {member}")
                with opened.open(entries[member]) as packed, (folder / PurePosixPath(member).name).open("wb") as file:
                    while chunk := packed.read(CHUNK):
                        file.write(chunk)
    except BadZipFile as error:
        raise DataError(f"{archive.name} is no zip archive: {error}") from error


def download_wheel(requirement: str, folder: Path) -> Path:
    """Fetch a Python package's wheel with pip, from the index that pip is set to; nothing is installed."""
    command = [sys.executable, "-m", "pip", "download", "--no-deps", "-d", str(folder), requirement]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise DataError(f"pip download {requirement} failed: {error}") from error
    wheels = sorted(folder.glob("*.whl"))
    if done.returncode or not wheels:
        lines = [line for line in done.stderr.strip().splitlines() if line.strip()] or ["no wheel came"]
        reason = next((line for line in reversed(lines) if line.startswith("ERROR")), lines[-1])
        raise DataError(f"pip download {requirement} failed: {reason.strip()}")
    return wheels[0]


def _refuse_escape(entry: ZipInfo, archive: Path) -> None:
    name = entry.filename
    outside = name.startswith(("/", "\\")) or PureWindowsPath(name).drive or ".." in PureWindowsPath(name).parts
    if outside or stat.S_ISLNK(entry.external_attr >> 16):
        raise DataError(f"{archive.name} holds {name!r}, which would lead outside its folder; nothing was extracted")


@contextmanager
def _progress(answer: BinaryIO, name: str, total: int | None) -> Iterator[BinaryIO]:
    """A progress bar on a terminal, silence elsewhere."""
    if not sys.stderr.isatty():
        yield answer
        return
    from rich.console import Console
    from rich.progress import wrap_file

    with wrap_file(answer, total or 0, description=name, console=Console(stderr=True), transient=True) as reader:
        yield reader


def _format_size(count: int | None) -> str:
    return f"{(count or 0) / 1e6:.1f} MB"
