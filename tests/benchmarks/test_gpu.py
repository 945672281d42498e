"""The table of a device comes out of one command, whole; here it goes through every line on the processor."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
METHODS = {path.stem for path in (ROOT / "configs" / "methods").glob("*.yaml")}


def run(*words: object, code: str = "") -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    script = ["-c", code] if code else [str(ROOT / "benchmarks" / "gpu.py")]
    command = [sys.executable, *script, "--toy", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, check=False, env=environment)


@pytest.fixture(scope="module", params=["cpu", pytest.param("cuda", marks=pytest.mark.gpu)])
def found(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[dict]]:
    """All tables."""
    file = tmp_path_factory.mktemp("gpu") / "found.json"
    done = run("--device", request.param, "--json", file)
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    tables = json.loads(file.read_text())
    for part, rows in tables.items():
        assert f"## {part}\n" in done.stdout
        assert done.stdout.count("| ---") >= len(tables)
        assert rows
    return tables


def test_the_device_moves_and_multiplies(found: dict[str, list[dict]]) -> None:
    (row,) = found["roof"]
    assert row["torch"] == torch.__version__
    assert row["copy GB/s"] > 0.1
    assert row["float32 TFLOP/s"] > 1e-4


def test_every_method_is_placed_and_every_one_that_trains_is_compared_in_bfloat16(found: dict[str, list[dict]]) -> None:
    assert {row["method"] for row in found["placement"]} == METHODS
    trained = {row["method"] for row in found["placement"] if row["loss"] is not None}
    assert {row["method"] for row in found["precision"]} == trained
    assert {"lightgcn", "gat", "two-tower"} <= trained
    assert not {"ease", "popularity"} & trained


def test_trainings_repeat_to_the_bit(found: dict[str, list[dict]]) -> None:
    assert all(row["equal"] for row in found["determinism"])
    assert len(found["determinism"]) == 6


def test_steps_have_shares_of_what_the_device_reaches(found: dict[str, list[dict]]) -> None:
    rows = {row["method"]: row for row in found["steps"]}
    assert rows.keys() == {"lightgcn", "sgl-ed", "simgcl", "xsimgcl"}
    for row in rows.values():
        assert row["steps/s"] == pytest.approx(1000 / row["ms a step"])
        assert 0 < row["of bandwidth"] < row["gathered, of bandwidth"]
        assert row["peak GiB"] > 0
    assert rows["sgl-ed"]["GB gathered"] > 2 * rows["lightgcn"]["GB gathered"]  # three passes
    assert rows["simgcl"]["GB"] > rows["sgl-ed"]["GB"]  # and noise


def test_compiling_has_a_gain_or_a_reason_and_whole_trainings_their_seconds(found: dict[str, list[dict]]) -> None:
    assert all((row["gain"] is None) == bool(row["note"]) for row in found["compile"])
    assert {row["config"] for row in found["quality"]} == {"best", "methods/graph-filter"}
    assert all(row["seconds"] > 0 and row["NDCG@20"] > 0.1 for row in found["quality"])


def test_what_is_not_on_the_device_fails_by_its_name() -> None:
    code = (
        f"import sys; sys.path.insert(0, {str(ROOT / 'benchmarks')!r}); import gpu, placement, torch\n"
        "gpu.METHODS = ['lightgcn', 'ease']; real = placement.find_elsewhere\n"
        "placement.find_elsewhere = lambda named, device: real(named, torch.device('meta'))\n"
        "gpu.main()"
    )
    done = run("--device", "cpu", "--parts", "placement", code=code)
    assert done.returncode == 1
    assert "batch.item on cpu" in done.stdout
    assert "failed: ease, lightgcn" in done.stderr
