"""The command line says what it can do, and answers usage errors with exit code 2."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

import reccl
from reccl.cli import app

COMMANDS = ("train", "recommend", "evaluate", "compare", "runs", "ui", "config", "data")


def test_help_lists_every_command(fresh) -> None:
    answer = fresh("--help")
    assert answer.code == 0
    assert all(f" {command} " in answer.out for command in COMMANDS)


@pytest.mark.parametrize("words", [(command,) for command in COMMANDS] + [("config", "show"), ("data", "fetch")])
@pytest.mark.parametrize("flag", ["--help", "-h"])
def test_every_command_has_help(fresh, words: tuple[str, ...], flag: str) -> None:
    answer = fresh(*words, flag)
    assert answer.code == 0
    assert "Usage: reccl " in answer.out


def test_the_version_is_that_of_the_package(fresh) -> None:
    assert fresh("--version").out == f"reccl {reccl.__version__}\n"


def test_python_dash_m_reccl_is_the_command(tmp_path: Path) -> None:
    root = Path(reccl.__file__).parents[1]
    done = subprocess.run(
        [sys.executable, "-P", "-m", "reccl", "trian"],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=tmp_path,
    )
    assert done.returncode == 2
    assert "Usage: reccl " in done.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("trian",),
        ("train",),
        ("train", "--config"),
        ("train", "--config", "a", "--nothing"),
        ("train", "--config", "a", "--seeds", "0"),
        ("train", "--config", "a", "--seeds", "two"),
        ("recommend",),
        ("recommend", "--out", "a", "--k", "0"),
        ("recommend", "--out", "a", "--format", "xls"),
        ("evaluate", "--split", "train"),
        ("runs", "--limit", "0"),
        ("config", "show"),
        ("config", "nothing"),
        ("ui", "--port", "0"),
    ],
    ids=" ".join,
)
def test_wrong_usage_is_exit_code_two(fresh, words: tuple[str, ...]) -> None:
    answer = fresh(*words)
    assert answer.code == 2
    assert "Error" in answer.err
    assert "Traceback" not in answer.err


def test_ctrl_c_outside_training_is_exit_code_130_and_silent(fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(**_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(app, "app", stopped)
    assert (fresh("runs").code, fresh("runs").err) == (130, "")


def test_a_reader_that_goes_away_is_no_traceback(tmp_path: Path) -> None:
    root = Path(reccl.__file__).parents[1]
    with subprocess.Popen(
        [sys.executable, "-m", "reccl", "config", "list"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env={**os.environ, "PYTHONPATH": str(root)},
        cwd=tmp_path,
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        process.stdout.close()
        assert b"Traceback" not in process.stderr.read()
