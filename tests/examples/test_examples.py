"""Every example runs as it is printed; the numbers at its end say that it has learned something."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import polars as pl
import pytest

ROOT = Path(__file__).parents[2]


def run(name: str, *words: object) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / name), *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


def test_every_example_has_a_test() -> None:
    tests = Path(__file__).read_text()
    assert all(f'"{path.name}"' in tests for path in (ROOT / "examples").glob("*.py"))


def test_a_training_loop_of_ones_own_learns() -> None:
    done = run("training_loop.py")
    assert done.returncode == 0, done.stderr
    losses = [float(value) for value in re.findall(r"loss ([\d.]+)", done.stdout)]
    assert losses[-1] < 0.9 * losses[0]
    assert float(re.findall(r"recall@10 ([\d.]+)", done.stdout)[0]) > 0.2  # 10 of 120 items by chance: .1


def test_lightning_trains_reccls_parts_or_the_example_says_what_to_install() -> None:
    done = run("lightning_module.py")
    if importlib.util.find_spec("lightning") is None:
        assert done.returncode == 1
        assert "pip install lightning" in done.stderr
        pytest.skip("PyTorch Lightning is not installed")
    assert done.returncode == 0, done.stderr
    assert "'ranking'" in done.stdout


def test_ones_own_csv_becomes_lists_with_titles_in_under_ten_lines() -> None:
    done = run("own_csv.py")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("c1042") == done.stdout.count("c1007") == 5
    assert "name" in done.stdout
    code = (ROOT / "examples" / "own_csv.py").read_text().split('"""')[2]
    assert len([line for line in code.splitlines() if line.strip()]) < 10


def test_everybody_is_scored_into_one_file_newcomers_too(tmp_path: Path) -> None:
    done = run("score_everybody.py", tmp_path / "lists.parquet")
    assert done.returncode == 0, done.stderr
    lists = pl.read_parquet(tmp_path / "lists.parquet")
    assert lists["user"].n_unique() == 261
    assert lists.filter(user="new1")["source"].unique().to_list() == ["fold_in"]
    assert lists.filter(item="TEA-900").select("name", "source").unique().rows() == [("First flush", "content")]


def test_lists_of_another_library_are_measured() -> None:
    done = run("evaluate_other_library.py")
    assert done.returncode == 0, done.stderr
    found = dict(re.findall(r"^([\w ]+):\n260 users\nndcg_at_10 +([\d.]+)", done.stdout, re.MULTILINE))
    assert {"popularity", "reccl best"} <= set(found)
    assert float(found["reccl best"]) > float(found["popularity"])
