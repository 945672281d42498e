"""`reccl tune` answers mistakes with one line before anything is read or trained, and tells what it found."""

import sys

import pytest

SPACE = "training.learning_rate: {low: 1.0e-3, high: 1.0e-1, log: true}\n"


def test_a_study_is_told_as_a_table_and_its_best_config_can_be_trained(fresh) -> None:
    (fresh.folder / "space.yaml").write_text(SPACE)
    words = ("tune", "--config", "planted.yaml", "--space", "space.yaml", "--trials", "2")
    answer = fresh(*words)
    assert answer.code == 0, answer.err
    assert "trial 0 (the config as it is): ndcg_at_10 0." in answer.err
    assert "2 trials (2 completed, 0 pruned, 0 failed)" in answer.out
    assert "next: reccl train --config best-planted.yaml" in answer.err
    listed = fresh("runs")
    assert "planted (tuning)" in listed.out
    assert "planted-trial" not in listed.out
    trained = fresh("train", "--config", "best-planted.yaml")
    assert trained.code == 0, trained.err
    assert "planted-tuned" in trained.out


REFUSED = {
    ("--space", "gone.yaml"): "no space 'gone.yaml'",
    (): "there is no bundled space for 'planted'",
    ("--space", "space.yaml", "--name", "a/b"): "--name 'a/b' cannot name a study",
    ("--space", "space.yaml", "--minutes", "0"): "--minutes 0.0: give more than 0",
    ("--space", "space.yaml", "--out", "planted.yaml"): "--out planted.yaml is there, and study 'planted' has not",
    ("--space", "space.yaml", "--out", "no/such.yaml"): "--out no/such.yaml cannot be written",
    ("--space", "wrong.yaml"): "wrong.yaml:1: training: unknown key 'learning_rat'; did you mean 'learning_rate'?",
    ("--space", "space.yaml", "--set", "encoder.dimensoin=3"): "--set encoder.dimensoin=3: encoder: unknown key",
}


@pytest.mark.parametrize("words", REFUSED, ids=" ".join)
def test_a_mistake_is_one_line_and_leaves_nothing(fresh, words: tuple[str, ...]) -> None:
    (fresh.folder / "space.yaml").write_text(SPACE)
    (fresh.folder / "wrong.yaml").write_text(SPACE.replace("rate", "rat"))
    config = (fresh.folder / "planted.yaml").read_text()
    assert REFUSED[words] in fresh("tune", "--config", "planted.yaml", *words).refusal(2)
    assert not (fresh.folder / "mlruns").exists()
    assert (fresh.folder / "planted.yaml").read_text() == config


def test_without_optuna_the_extra_is_named(fresh, monkeypatch: pytest.MonkeyPatch) -> None:
    (fresh.folder / "space.yaml").write_text(SPACE)
    monkeypatch.setitem(sys.modules, "optuna", None)
    told = fresh("tune", "--config", "planted.yaml", "--space", "space.yaml").refusal(1)
    assert told == "optuna is not installed: pip install 'reccl[tune]'"


def test_data_without_validation_rows_is_refused(fresh) -> None:
    (fresh.folder / "space.yaml").write_text(SPACE)
    split = ("--set", "data.split={kind: random_per_user, validation: 0}")
    told = fresh("tune", "--config", "planted.yaml", "--space", "space.yaml", *split).refusal(2)
    assert told.startswith("the split has no validation rows, by which trials are judged")
