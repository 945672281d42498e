"""Two processes train what one trains: the same losses, metrics and embeddings, but for the order of sums."""

import json
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import torch

from reccl.data import store
from reccl.data.dataset import Dataset
from reccl.distributed import ALONE
from reccl.training.checkpoint import load
from tests.distributed.side_by_side import CASES, RESUMED, stop, train

CLOSE = {"rtol": 1e-3, "atol": 1e-4}
"""Adam turns the smallest gradients, which are all rounding, into whole steps."""


@pytest.fixture(scope="module")
def folder(planted_dataset: Dataset, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What two processes have left, which start with what one has stopped."""
    made = tmp_path_factory.mktemp("two")
    store.write(planted_dataset, made / "data")
    stop(RESUMED["from one to two"], planted_dataset, made / "stopped by one", ALONE)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shared = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "PYTHONPATH": str(Path.cwd())}
    ranks = [
        subprocess.Popen(
            [sys.executable, "tests/distributed/side_by_side.py", str(made)],
            env={**os.environ, **shared, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(2)
    ]
    for rank in ranks:
        _, said = rank.communicate(timeout=120)
        assert rank.returncode == 0, said
    return made


def assert_alike(one: Path, two: Path) -> None:
    """Loss curves, metrics of every epoch, embeddings, and the parameters that a run keeps."""
    histories = [json.loads((each / "history.json").read_text()) for each in (one, two)]
    assert len(histories[0]) == len(histories[1]) > 1
    for alone, together in zip(*histories, strict=True):
        assert together["losses"] == pytest.approx(alone["losses"], rel=1e-4)
        assert together["validation"] == pytest.approx(alone["validation"], abs=2e-3)
        assert together["learning_rate"] == alone["learning_rate"]
    for file in ("embeddings.safetensors", "parameters.safetensors"):
        alone, together = (load(each / file) for each in (one, two))
        assert alone.keys() == together.keys()
        for name, table in alone.items():
            assert torch.allclose(together[name], table, **CLOSE), name


@pytest.fixture
def alone(planted_dataset: Dataset, tmp_path: Path) -> Any:
    def train_alone(case: str, checkpoints: Path | None = None) -> Path:
        out = tmp_path / ("resumed" if checkpoints else "whole")
        train(case, planted_dataset, ALONE, out, checkpoints)
        return out

    return train_alone


@pytest.mark.parametrize("case", CASES)
def test_two_processes_train_as_one(case: str, folder: Path, alone: Any) -> None:
    assert_alike(alone(case), folder / "two" / case)


class TestCheckpoints:
    """They are those of one process, whatever the number of ranks."""

    def test_two_processes_go_on_where_one_has_stopped(self, folder: Path, alone: Any) -> None:
        assert_alike(alone(RESUMED["from one to two"]), folder / "two" / "resumed")

    def test_one_process_goes_on_where_two_have_stopped(self, folder: Path, alone: Any, tmp_path: Path) -> None:
        case, stopped = RESUMED["from two to one"], tmp_path / "stopped"
        shutil.copytree(folder / "stopped by two", stopped)
        assert_alike(alone(case), alone(case, stopped))

    def test_their_files_are_those_of_one_process(self, folder: Path, planted_dataset: Dataset, tmp_path: Path) -> None:
        case = RESUMED["from two to one"]
        stop(case, planted_dataset, tmp_path / "one", ALONE)
        folders = tmp_path / "one", folder / "stopped by two"
        one, two = (load(each / "000001" / "tensors.safetensors") for each in folders)
        assert one.keys() == two.keys()
        for name, tensor in one.items():
            assert tensor.shape == two[name].shape, name
            if name.startswith("generator."):  # torch's own depends on what ran before
                assert name == "generator.torch" or torch.equal(tensor, two[name]), name
            else:
                assert torch.allclose(tensor, two[name], **CLOSE), name
