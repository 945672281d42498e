"""Twenty SIGKILLs of real trainings at random moments of every phase; each is resumed and ends with the same bits."""

import hashlib
import json
from collections import Counter
from pathlib import Path
from random import Random

import numpy as np
import polars as pl
import pytest

from reccl import tracking
from tests.cli.conftest import Shop
from tests.robustness.killing import PHASES, started
from tests.tracking.conftest import assert_same_run

KILLS, SEED = 20, 20
AGAIN = 0.35
"""How often the process that resumes a killed run is killed, too."""
CONFIG = """\
name: planted
data: {pipeline: table, interactions: buys.csv}
encoder: {kind: lightgcn, dimension: 16, layers: 2}
objective:
  ranking: {kind: full_softmax, temperature: 0.2}
  contrast:
    kind: contrast
    weight: 0.02
    loss: {kind: info_nce, temperature: 0.2}
    first: {kind: edge_drop, rate: 0.3}
    second: {kind: edge_drop, rate: 0.3}
training: {epochs: 12, batch_size: 1024, learning_rate: 0.004, refit: true, checkpoint_seconds: 0}
evaluation: {cutoffs: [5, 10, 20, 50, 100]}
"""
SECONDS = {"start": 6.0, "fit": 3.0, "evaluation": 0.01, "refit": 1.0, "recording": 3.0}
"""About how long each phase lasts on a machine that does nothing else."""


@pytest.fixture
def shop(tmp_path: Path, inside):
    """A folder with a planted world of 1,500 users, so that evaluation takes long enough to be hit."""
    random, rows = np.random.default_rng(7), []
    for user in range(1500):
        own = np.arange(200) % 4 == user % 4
        chance = np.where(own, 0.9 / own.sum(), 0.1 / (~own).sum())
        rows += [(f"u{user:04}", int(item)) for item in random.choice(200, 10, replace=False, p=chance)]
    pl.DataFrame(rows, schema=["user", "item"], orient="row").write_csv(tmp_path / "buys.csv")
    (tmp_path / "planted.yaml").write_text(CONFIG)
    with inside(tmp_path):
        yield Shop(tmp_path)


def digest(run: str) -> str:
    """SHA-256 of the file with the tensors of a run's model."""
    path = tracking.model_folder(tracking.find(run)) / "model.safetensors"
    return hashlib.sha256(path.read_bytes()).hexdigest()


def statuses(shop: Shop) -> dict[str, str]:
    """The status of every run, by the command that people ask with."""
    return {run["id"]: run["status"] for run in json.loads(shop("runs", "--json", "--limit", 1000).out)}


def finish(shop: Shop, *words: str) -> None:
    """Train to the end."""
    with started(shop.folder, *words) as training:
        assert training.end() == 0, training.said()
        assert "Traceback" not in training.said()


@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_every_killed_training_goes_on_and_ends_as_one_that_was_never_stopped(shop: Shop) -> None:
    random, killed, begin = Random(SEED), Counter[str](), ("--config", "planted.yaml")
    finish(shop, *begin)
    (whole,) = statuses(shop)
    done, words = {whole}, begin
    plan = [phase for phase in PHASES for _ in range(KILLS // len(PHASES))]
    random.shuffle(plan)
    while plan or words != begin:
        if plan and (words == begin or random.random() < AGAIN):
            aim = plan.pop()
            with started(shop.folder, *words) as training:
                where = training.kill_in(aim, SECONDS[aim], random)
                assert "Traceback" not in training.said()
            print(f"kill in {aim} of {words}: was in {where}", flush=True)
            killed[where or "ended before"] += 1
            if where is None or (where != aim and killed[aim] < 2):
                plan.insert(random.randrange(len(plan) + 1), aim)
            assert killed.total() < 3 * KILLS
        else:
            finish(shop, *words)
        now = statuses(shop)  # the next command marks what is stale
        assert set(now.values()) <= {"FINISHED", "KILLED"}
        (run,) = set(now) - done or {None}
        words = begin if run is None else ("--resume", run)
        if run is not None and now[run] == "FINISHED":
            assert_same_run(run, whole)
            assert digest(run) == digest(whole)
            assert not tracking.checkpoint_folder(run).exists()
            assert shop("train", *words).refusal(1).endswith("is finished: there is nothing to resume")
            done, words = done | {run}, begin
    print(f"killed in {dict(killed)}; {len(done)} runs ended as one that was never stopped")
    assert killed.total() - killed["ended before"] >= KILLS
    assert set(killed) >= set(PHASES)
