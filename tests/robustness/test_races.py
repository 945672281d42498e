"""Four trainings and a scoring at once, in a fresh folder with a fresh cache: nothing is lost, nothing fails."""

import hashlib
import json
import os
from pathlib import Path

import polars as pl
import pytest

from reccl import tracking
from reccl.recommend import load
from tests.cli.conftest import Shop
from tests.robustness.racing import Command, race

ROUNDS = int(os.environ.get("RECCL_RACES", "50"))
TRAININGS = 4
CONFIG = """\
name: planted
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: matrix_factorization, dimension: 8}
objective:
  ranking: {kind: ranking, loss: {kind: info_nce, temperature: 0.2}}
training: {epochs: 2, batch_size: 512, learning_rate: 0.02, checkpoint_seconds: 0}
evaluation: {cutoffs: [10]}
"""


@pytest.mark.slow
@pytest.mark.timeout(7200)
def test_trainings_and_scorings_at_once_lose_nothing(tmp_path: Path, planted: pl.DataFrame, inside) -> None:
    digests: set[str] = set()
    for number in range(ROUNDS):
        folder = tmp_path / f"round{number}"
        folder.mkdir()
        planted.write_csv(folder / "buys.csv")
        (folder / "planted.yaml").write_text(CONFIG)
        with inside(folder):
            digests |= check(folder, planted)
        print(f"round {number + 1} of {ROUNDS}: nothing lost", flush=True)
    assert len(digests) == 1  # all trainings of all rounds are the same one


def check(folder: Path, planted: pl.DataFrame) -> set[str]:
    """A race, and that all of it is there; the digests of its models."""
    environment = {"RECCL_CACHE": str(folder / "cache")}
    train = ("train", "--config", "planted.yaml")
    commands = [Command(train, folder, f"training{number}.txt", environment) for number in range(TRAININGS)]
    score = ("recommend", "--k", "5", "--out", "lists.csv")  # until there is a model, an error of one line
    codes = race([*commands, Command(score, folder, "scoring.txt", environment, until_done=True)])
    said = {path.name: path.read_text() for path in folder.glob("*.txt")}
    assert codes == [0] * len(codes), said
    assert "Traceback" not in "".join(said.values()), said
    for line in said["scoring.txt"].splitlines()[:-1]:
        assert not line.startswith("error: ") or "no runs in" in line or "holds no model" in line, line
    lists = pl.read_csv(folder / "lists.csv")
    assert lists["user"].n_unique() == planted["user"].n_unique()
    assert len(lists) == 5 * planted["user"].n_unique()
    runs = json.loads(Shop(folder)("runs", "--json").out)
    assert [run["status"] for run in runs] == ["FINISHED"] * TRAININGS, said
    assert not list((folder / "mlruns" / "checkpoints").iterdir())
    assert not list(folder.rglob("*.draft"))
    found, digests = tracking.runs(), set()
    for run in found:
        place = tracking.model_folder(run)
        load(place)  # checks every digest
        digests.add(hashlib.sha256((place / "model.safetensors").read_bytes()).hexdigest())
        points = tracking.client().get_metric_history(run.info.run_id, "train/ranking")
        assert [point.step for point in points] == [1, 2]
        assert len(tracking.client().get_run(run.info.run_id).inputs.dataset_inputs) == 3
    return digests
