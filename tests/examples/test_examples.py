"""Every example runs as it is printed; the numbers at its end say that it has learned something."""

import importlib.util
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def run(name: str) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    command = [sys.executable, str(ROOT / "examples" / name)]
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
