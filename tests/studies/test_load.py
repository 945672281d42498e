"""A study is checked like a config, every pair of config and data set, before anything is read."""

from pathlib import Path

import pytest

from reccl.errors import ConfigError
from reccl.studies.load import load_study
from reccl.studies.settings import StudySettings

STUDY = """\
name: small
data:
  shop: {data: {pipeline: table, interactions: buys.csv, split: {kind: random_per_user}}}
configs:
  ease: methods/ease
  svd:
    config: methods/svd
    set: {scorer.dimension: 8}
seeds: [1, 2]
"""


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def load(text: str):
    Path("study.yaml").write_text(text)
    return load_study("study.yaml")


def test_every_pair_is_an_experiment_with_what_the_study_sets() -> None:
    study = load(STUDY + "set: {evaluation: {cutoffs: [10]}}\nresplit: true\n")
    made = study.experiment("shop", "svd", split=7, seed=2)
    assert (made.name, made.seed, made.data.split.seed) == ("svd", 2, 7)
    assert (made.scorer.dimension, made.evaluation.cutoffs) == (8, (10,))
    assert made.training.metric == "ndcg_at_10"
    assert study.settings.draws() == [(1, [1]), (2, [2])]


def test_a_list_names_its_entries() -> None:
    settings = StudySettings.model_validate(
        {"name": "s", "data": ["ml-100k"], "configs": ["methods/ease.yaml", "best"]}
    )
    assert list(settings.configs) == ["ease", "best"]
    assert settings.pairs() == [("ease", "best")]
    assert settings.model_copy(update={"splits": (5, 6)}).draws() == [(5, [42]), (6, [42])]


WRONG = {
    ("seeds", "seedz"): "study.yaml:9: unknown key 'seedz'; did you mean 'seeds'?",
    (
        "scorer.dimension",
        "scorer.dimensoin",
    ): "study.yaml:8: scorer: unknown key 'dimensoin'; did you mean",
    ("methods/ease", "methods/eas"): "no config 'methods/eas'; did you mean",
    ("[1, 2]", "[1, 1]"): "seeds: 1 stands twice",
    ("name: small", "name: a/b"): "study.yaml:1: name: 'a/b' is no name",
    ("[1, 2]", "[1]\nbaseline: eas"): "baseline 'eas' is none of the configs; did you mean 'ease'?",
    (
        "[1, 2]",
        "[1]\nmetrics: [ndgc_at_10]",
    ): "study.yaml:10: metrics: 'ndgc_at_10' is not measured; did you",
    ("[1, 2]", "[1]\nmetrics: [ndcg_at_10, recal_at_10]"): "study.yaml:10: metrics: 'recal_at_10' is not measured; did",
    (
        "scorer.dimension: 8",
        "evaluation.cutoffs: [10]",
    ): "study.yaml:8: configs.svd.set: evaluation.cutoffs decides",
    ("scorer.dimension: 8", "training.refit: false"): "study.yaml:8: configs.svd.set: training.refit decides what",
    ("[1, 2]", "[1]\nset: {seed: 3}"): "study.yaml:10: set: seed is decided by the study",
    ("random_per_user}", "temporal}"): "",
    ("[1, 2]", "[1]\nbudget: {minutes: 3}"): "minutes without trials",
    ("[1, 2]", "[1]\nbudget: {trials: 3}\nresplit: true\nsplits: [1]"): "resplit splits by the seeds: leave splits out",
}


@pytest.mark.parametrize("change", WRONG, ids=lambda change: change[1])
def test_a_mistake_is_said_with_its_line(change: tuple[str, str]) -> None:
    text = STUDY.replace(*change)
    assert text != STUDY
    if not WRONG[change]:
        load(text)
        with pytest.raises(ConfigError, match="test rows of shop are not drawn by a seed"):
            load(text + "splits: [1, 2]\n")
        return
    with pytest.raises(ConfigError) as raised:
        load(text)
    assert WRONG[change] in str(raised.value)


def test_methods_without_a_space_have_to_say_so_where_there_is_a_budget() -> None:
    text = STUDY.replace("ease: methods/ease", "pop: methods/popularity") + "budget: {trials: 3}\n"
    with pytest.raises(ConfigError, match=r"study.yaml:5: configs.pop: there is no bundled space .* space: none"):
        load(text)
    study = load(text.replace("methods/popularity", "{config: methods/popularity, space: none}"))
    assert study.space("pop", study.experiment("shop", "pop")) is None
    assert study.space("svd", study.experiment("shop", "svd")) is not None


def test_methods_that_are_measured_otherwise_are_refused() -> None:
    own = "name: own\ndata: ml-100k\nscorer: {kind: popularity}\nevaluation: {cutoffs: [10, 50]}\n"
    Path("own.yaml").write_text(own)
    text = STUDY.replace("methods/ease", "own.yaml") + "set: {training.refit: true}\n"
    with pytest.raises(ConfigError, match=r"configs\.svd: evaluation is not that of ease, so that they would not be"):
        load(text)
    load(text.replace("set: {training.refit: true}", "set: {training.refit: true, evaluation: {cutoffs: [10]}}"))


WINDOWED = STUDY.replace("{kind: random_per_user}", "{kind: sliding_window, windows: 4, days: 7}")


def test_splits_of_a_sliding_window_are_its_windows() -> None:
    study = load(WINDOWED.replace("[1, 2]", "[1]") + "splits: [1, 3]\n")
    windows = [study.experiment("shop", "ease", split).data.split.window for split, _ in study.settings.draws()]
    assert windows == [1, 3]
    with pytest.raises(ConfigError, match=r"study.yaml:10: splits: .*window 5 of 4: choose 1 to 4"):
        load(WINDOWED + "splits: [1, 5]\n")
    with pytest.raises(ConfigError, match=r"not drawn by a seed .* windows are numbered by splits"):
        load(WINDOWED + "resplit: true\n")
