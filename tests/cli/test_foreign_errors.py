"""Whatever other libraries and the system raise ends as one line, exit code 1 and a hint at --debug."""

import errno
import os
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

from reccl.cli.foreign_errors import explain_foreign
from reccl.errors import DataError


class PanicError(BaseException):
    """As libraries written in Rust raise it."""


FOREIGN = [
    (MemoryError("12 GiB"), "not enough memory (MemoryError: 12 GiB); make it smaller"),
    (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried"), "not enough memory ("),
    (RecursionError("maximum recursion depth exceeded"), "something is nested too deeply ("),
    (ModuleNotFoundError("No module named 'psycopg'", name="psycopg"), "cannot import psycopg ("),
    (OSError(errno.ENOSPC, "No space left on device", "/tmp/x"), "the disk of /tmp/x is full ("),
    (PermissionError(errno.EACCES, "Permission denied", "/etc/x"), "no permission ("),
    (FileNotFoundError(errno.ENOENT, "No such file or directory"), "the current folder is gone ("),
    (OSError(errno.EMFILE, "Too many open files"), "too many open files ("),
    (ConnectionRefusedError(errno.ECONNREFUSED, "Connection refused"), "no connection ("),
    (UnicodeDecodeError("utf-8", b"\xff", 0, 1, "invalid start byte"), "text in an encoding that cannot be read"),
    (pl.exceptions.ComputeError("ragged\nlines"), "the data cannot be read (ComputeError: ragged); check the files"),
    (PanicError("index out of bounds"), "PanicError: index out of bounds ("),
    (ZeroDivisionError("division by zero"), "ZeroDivisionError: division by zero ("),
]


@pytest.mark.parametrize(("error", "line"), FOREIGN, ids=lambda value: type(value).__name__)
def test_a_foreign_error_is_one_line(fresh, monkeypatch: pytest.MonkeyPatch, error: BaseException, line: str) -> None:
    def fail(*_: object, **__: object) -> None:
        raise error

    monkeypatch.setattr("reccl.bundle.available", fail)
    monkeypatch.setattr("reccl.cli.config.available", fail)
    told = fresh("config", "list").refusal(1)
    assert told.startswith(line)
    assert told.endswith("; --debug shows the traceback")
    answer = fresh("config", "list", "--debug")
    assert answer.code == 1
    assert "Traceback (most recent call last)" in answer.err


def test_the_cause_is_explained_where_the_error_says_nothing() -> None:
    try:
        try:
            raise OSError(errno.ENOSPC, "No space left on device", "/tmp/x")
        except OSError as cause:
            raise ValueError("cannot save") from cause
    except ValueError as error:
        assert explain_foreign(error).startswith("the disk of /tmp/x is full")


def test_names_cannot_move_the_cursor(fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise DataError("no file \x1b[2J\udcff")

    monkeypatch.setattr("reccl.cli.config.available", fail)
    assert fresh("config", "list").refusal(1) == "no file \\x1b[2J\\udcff"


def run(command: str, folder: Path, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command line in a process of its own, by bash."""
    text = command.replace("reccl ", f"{sys.executable} -m reccl ")
    return subprocess.run(
        ["bash", "-c", text], cwd=folder, env={**os.environ, **environment}, capture_output=True, text=True, timeout=60
    )


@pytest.mark.parametrize(
    ("command", "code", "line"),
    [
        ("reccl config list > /dev/full", 1, "the disk is full ("),
        ("reccl methods > /dev/full", 1, "the disk is full ("),
        ("mkdir gone; cd gone; rmdir ../gone; reccl runs", 1, "the current folder is gone"),
        ("reccl config show $'a\\xffb'", 2, "no config 'a\\udcffb'"),
        ("reccl config show smoke --set $'name=a\\xffb'", 2, "--set 'name=a\\udcffb': "),
    ],
)
def test_odd_surroundings_are_one_line(tmp_path: Path, command: str, code: int, line: str) -> None:
    done = run(command, tmp_path)
    assert done.returncode == code, done.stderr
    assert "Traceback" not in done.stderr
    assert done.stderr.splitlines()[-1].startswith(f"error: {line}")


def test_a_reader_who_leaves_and_streams_that_are_closed_are_no_error_to_print(tmp_path: Path) -> None:
    for command in ("reccl config list | head -1", "reccl config list >&-", "reccl config show nothing 2>&-"):
        assert "Traceback" not in run(command, tmp_path).stderr


def test_a_terminal_that_knows_ascii_alone_is_enough(tmp_path: Path) -> None:
    done = run("reccl methods", tmp_path, PYTHONIOENCODING="ascii", PYTHONUTF8="0", LC_ALL="C")
    assert done.returncode == 0, done.stderr
