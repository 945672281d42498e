"""`reccl audit` reads a config or a recorded run, counts the runs of the same data, and stays with the run."""

import json
from pathlib import Path

import pytest

POPULAR = ("--set", "name=popular", "--set", "encoder=null", "--set", "objective={}", "--set", "scorer.kind=popularity")


def test_a_config_is_audited_without_training(fresh) -> None:
    answer = fresh("audit", "--config", "planted.yaml")
    assert answer.code == 0
    assert "audit of planted:" in answer.out
    assert "0 recorded runs of this very data" in answer.out
    assert "train three methods or more on it" in answer.out
    timed = json.loads(fresh("audit", "--config", "planted.yaml", "--set", "data.timestamp=timestamp", "--json").out)
    found = {finding["check"]: finding for finding in timed["findings"]}
    assert found["time, same user"]["number"] > 0.8
    assert timed["worst"] == "serious"


def test_strict_ends_with_one_where_anything_is_serious(fresh) -> None:
    words = ("audit", "--config", "planted.yaml", "--set", "data.timestamp=timestamp", "--strict")
    assert fresh(*words).code == 1
    assert fresh(*words, "--set", "data.split.kind=global_timeline").code == 0


def test_a_run_keeps_its_audit_and_the_runs_of_its_data_are_the_candidates(fresh, inside) -> None:
    for seed in (1, 2):
        assert fresh("train", "--config", "planted.yaml", "--set", f"seed={seed}", "--no-plots").code == 0
    assert fresh("train", "--config", "planted.yaml", *POPULAR, "--no-plots").code == 0
    answer = fresh("audit", "--run", "popular", "--json")
    assert answer.code == 0, answer.err
    report = json.loads(answer.out)
    (agreement,) = [finding for finding in report["findings"] if finding["check"] == "agreement"]
    assert "over 3 recorded runs" in agreement["says"]
    from reccl import tracking

    with inside(fresh.folder):
        run = tracking.find("popular")
        assert run.data.tags["reccl.split_test"] == report["digest"]
        assert run.data.tags["reccl.audit"].endswith("ok")
        assert json.loads(tracking.text_of(run, "audit.json")) == report


@pytest.mark.parametrize(
    ("words", "line"),
    [
        ((), "give a config, --config movielens.yaml, or a recorded run, --run latest"),
        (("--config", "planted.yaml", "--run", "x"), "give a config"),
        (("--run", "latest", "--set", "seed=1"), "--set is for --config"),
    ],
)
def test_what_cannot_be_meant_is_one_line(fresh, words: tuple[str, ...], line: str) -> None:
    assert fresh("audit", *words).refusal(2).startswith(line)
    assert not Path(fresh.folder, "mlruns").exists()
