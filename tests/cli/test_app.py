"""The command line says what it can do, and answers usage errors with exit code 2."""

import json
import os
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

import reccl
from reccl.bundle import find
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


def leaves(group: Any, words: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Every command with the words that call it."""
    for name, command in group.commands.items():
        if hasattr(command, "commands"):
            yield from leaves(command, (*words, name))
        else:
            yield (*words, name), command


EVERY = dict(leaves(get_command(app.app)))


@pytest.mark.parametrize("words", EVERY, ids=" ".join)
class TestExamples:
    def test_two_or_three_stand_below_the_help_on_a_line_each(self, fresh, words: tuple[str, ...]) -> None:
        lines = [line.strip() for line in fresh(*words, "--help").out.splitlines()]
        shown = lines[lines.index("Examples:") + 1 :]
        assert [line for line in shown if line] == self.examples(words)
        assert any(example.startswith(" ".join(("reccl", *words))) for example in self.examples(words))

    def test_they_can_be_copied(self, words: tuple[str, ...]) -> None:
        for example in self.examples(words):
            program, *rest = shlex.split(example.partition(" > ")[0])
            called = max((each for each in EVERY if tuple(rest[: len(each)]) == each), key=len)
            context = EVERY[called].make_context(program, rest[len(called) :])
            named = context.params.get("config" if called[0] != "config" else "name")
            assert named is None or str(named) == "orders.yaml" or find(str(named), "configs", ".yaml")[0]

    def examples(self, words: tuple[str, ...]) -> list[str]:
        return [line.strip() for line in EVERY[words].epilog.splitlines()[1:]]


@pytest.mark.parametrize("words", [("--debug", "config", "show", "nothing"), ("config", "show", "nothing", "--debug")])
def test_debug_shows_the_traceback_wherever_it_stands(fresh, words: tuple[str, ...]) -> None:
    answer = fresh(*words)
    assert answer.code == 2
    assert "Traceback" in answer.err
    assert "ConfigError: no config 'nothing'" in answer.err


class TestHints:
    def test_every_step_names_the_next(self, shop) -> None:
        (run,) = (each["id"] for each in json.loads(shop("runs", "--json", "--limit", 1).out))
        for words, told in (
            (("runs",), f"reccl recommend --run {run[:8]} --out recommendations.csv; reccl compare"),
            (("evaluate", "--run", run), f"reccl cold --run {run[:8]}; reccl compare"),
            (
                ("recommend", "--run", run, "-o", "a.csv"),
                f"read it with polars.read_csv('a.csv'); reccl evaluate --run {run[:8]}",
            ),
            (("config", "copy", "movielens", "mine.yaml", "--force"), "reccl train --config mine.yaml"),
            (("data", "list"), "reccl data fetch NAME; reccl data describe NAME"),
        ):
            answer = shop(*words)
            assert answer.code == 0, answer.err
            assert answer.err.splitlines()[-1] == f"next: {told}"

    @pytest.mark.parametrize("words", [("runs",), ("evaluate",), ("compare",), ("config", "list"), ("methods",)])
    @pytest.mark.parametrize("flag", ["--quiet", "--json"])
    def test_quiet_and_json_name_none(self, shop, words: tuple[str, ...], flag: str) -> None:
        answer = shop(*words, flag)
        assert answer.code == 0, answer.err
        assert "next:" not in answer.out + answer.err


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
