"""The README is short, and what it shows runs: its Python, its commands, its links."""

import os
import re
import shlex
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import reccl

ROOT = Path(reccl.__file__).parents[1]
README = (ROOT / "README.md").read_text()
INDEX = (ROOT / "docs" / "index.md").read_text()
LINES = 150


def blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", page, re.DOTALL)


def commands(block: str) -> list[list[str]]:
    """The reccl commands of a block, as words."""
    lines = [shlex.split(line, comments=True) for line in block.splitlines()]
    return [words[1:] for words in lines if words and words[0] == "reccl"]


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with the examples beside it, as a checkout has."""
    shutil.copytree(ROOT / "examples", tmp_path / "examples")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_it_is_at_most_150_lines() -> None:
    assert len(README.splitlines()) <= LINES


def test_every_link_leads_somewhere() -> None:
    for target in re.findall(r"\]\(([^)#]+)", README):
        assert target.startswith("http") or (ROOT / target).exists(), target


def test_the_front_page_of_the_site_starts_the_same_way() -> None:
    for language in ("python", "bash"):
        assert blocks(INDEX, language) == blocks(README, language)


@pytest.mark.usefixtures("real_data")
def test_its_first_python_runs_on_movielens(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    train = reccl.train

    def quickly(*words: object, **settings: object) -> reccl.Recommender:
        return train(*words, progress=False, training={"epochs": 5, "refit": False}, **settings)

    monkeypatch.setattr(reccl, "train", quickly)
    exec(blocks(README, "python")[0], {})
    printed, shown = capsys.readouterr().out, blocks(README, "text")[0]
    assert "<Recommender movielens: 943 users, 1,682 items; test ndcg_at_10 0." in printed
    header = next(line for line in shown.splitlines() if "title" in line)
    assert re.sub(r"\s+", " ", header) in re.sub(r"\s+", " ", printed)
    assert printed.count("fold_in") == 3
    assert reccl.load("model/").metrics["test"]["ndcg_at_10"] > 0


def test_its_python_for_ones_own_data_runs(shop: Path, capsys: pytest.CaptureFixture[str]) -> None:
    code = blocks(README, "python")[1]
    assert len(code.splitlines()) < 10
    exec(code, {})
    assert capsys.readouterr().out.count("c1042") == 3


def test_its_commands_for_ones_own_data_run_and_print_what_is_shown(shop: Path) -> None:
    words = commands(blocks(README, "bash")[2])
    assert [each[0] for each in words] == ["init", "train", "recommend"]
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("MLFLOW_TRACKING_URI", None)
    for each in words:
        done = subprocess.run(
            [sys.executable, "-m", "reccl", *each], capture_output=True, text=True, env=environment, check=False
        )
        assert done.returncode == 0, done.stderr
    shown = blocks(README, "text")[2].splitlines()
    printed = done.stdout.splitlines()
    assert len(printed) == len(shown)
    for ours, theirs in zip(printed, shown, strict=True):
        assert [word for word in ours.split() if not number(word)] == [
            word for word in theirs.split() if not number(word)
        ]


def number(word: str) -> bool:
    """Figures move with the machine in their last digits."""
    return re.fullmatch(r"[\d.]+", word) is not None
