"""What the README claims, trained for real: minutes each, so they run by `make test-slow`."""

from pathlib import Path
from statistics import mean

import pytest

from reccl.config import load
from reccl.experiment import run
from reccl.outcome import Outcome

pytestmark = [pytest.mark.slow, pytest.mark.real_data]


def trained(config: str, *overrides: str) -> Outcome:
    return run(load(config, overrides), device="cpu", log=print)


def test_the_default_run_beats_every_published_figure_of_its_protocol(real_data: Path, in_folder: Path) -> None:
    outcomes = [trained("movielens.yaml", f"seed={seed}") for seed in (42, 43, 44)]
    assert (
        mean(outcome.metrics["test"]["ndcg_at_10"] for outcome in outcomes) > 0.475
    )  # BiVAE .475, LightGCN .453, EASE .481
    assert (
        mean(outcome.metrics["test"]["recall_at_10"] for outcome in outcomes) > 0.220
    )  # BiVAE .219, LightGCN .213, EASE .223


def test_lightgcn_with_bpr_reaches_its_published_figure(real_data: Path, in_folder: Path) -> None:
    outcome = trained("movielens-lightgcn.yaml")
    assert outcome.metrics["test"]["ndcg_at_10"] > 0.445
    assert outcome.metrics["test"]["recall_at_10"] > 0.205


def test_two_towers_come_close_to_the_default_run(real_data: Path, in_folder: Path) -> None:
    outcomes = [trained("movielens-two-tower.yaml", f"seed={seed}") for seed in range(42, 48)]  # .449 to .473
    assert mean(outcome.metrics["test"]["ndcg_at_10"] for outcome in outcomes) > 0.455


def test_a_contrast_of_layers_beats_the_same_encoder_without_one(real_data: Path, in_folder: Path) -> None:
    shared = "training.refit=false", "encoder.layers=2", "training.epochs=120", "training.patience=null"
    bare = [trained("methods/lightgcn.yaml", *shared, f"encoder.initial_weight={weight}") for weight in (0, 1)]
    best = max(outcome.metrics["validation"]["ndcg_at_10"] for outcome in bare)
    contrast = trained("methods/xsimgcl.yaml", *shared)
    assert contrast.metrics["validation"]["ndcg_at_10"] > best
    assert contrast.metrics["test"]["ndcg_at_10"] > 0.455  # LightGCN .4453 with layer 0 in its mean, .4199 without


def test_gowalla_trains_in_minutes_and_in_three_gibibytes(real_data: Path, in_folder: Path) -> None:
    outcome = trained("gowalla.yaml", "training.epochs=2")
    assert outcome.metrics["test"]["recall_at_20"] > 0.14
    assert outcome.timing["peak_memory_gib"] < 3


@pytest.fixture
def in_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path
