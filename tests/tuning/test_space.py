"""A space is checked like a config before anything is trained, and all that it gives is a config."""

from pathlib import Path

import optuna
import pytest

from reccl.config import Experiment
from reccl.errors import ConfigError
from reccl.tuning.space import load_space

NESTED = {"encoder": {"layers": {"low": 1, "high": 3}}, "training": {"batch_size": [512, 1024]}}
DOTTED = {"training.batch_size": [512, 1024], "encoder.layers": {"high": 3, "low": 1}}


def test_keys_may_be_nested_dotted_or_both(experiment: Experiment) -> None:
    nested, dotted = (load_space(space, experiment) for space in (NESTED, DOTTED))
    assert nested.describe() == ["encoder.layers: 1 to 3", "training.batch_size: 512, 1024"]
    assert nested.digest() == dotted.digest()
    assert nested.digest() != load_space({**DOTTED, "encoder.layers": {"low": 1, "high": 4}}, experiment).digest()


def test_several_keys_may_take_the_same_value(experiment: Experiment) -> None:
    space = load_space({"training": {"learning_rate, weight_decay": {"low": 0.01, "high": 0.1}}}, experiment)
    applied = space.apply(experiment, {space.keys[0]: 0.05})
    assert (applied.training.learning_rate, applied.training.weight_decay) == (0.05, 0.05)
    assert space.own_values(experiment) == {}  # they differ in the config


def test_numbers_are_whole_where_the_config_takes_no_others(experiment: Experiment) -> None:
    space = load_space(
        {"encoder.layers": {"low": 0, "high": 3}, "training.warmup": {"low": 0, "high": 0.9}}, experiment
    )
    layers, warmup = space.parameters
    assert layers.whole
    assert not warmup.whole
    both = load_space({"encoder.initial_weight": {"low": 0, "high": 1}}, experiment)
    assert not both.parameters[0].whole  # as it would be, were it read by how it is written


def test_all_that_a_space_proposes_is_a_config(experiment: Experiment) -> None:
    written = {
        "encoder.layers": {"low": 1, "high": 7, "step": 2},
        "training.learning_rate": {"low": 1e-4, "high": 1.0, "log": True},
        "training.max_grad_norm": [None, 1.0],
        "objective.ranking.loss": [{"kind": "info_nce", "temperature": 0.2}, {"kind": "bpr"}],
        "scorer": [{"kind": "embedding", "similarity": "dot"}, {"kind": "popularity"}],
    }
    space, study = load_space(written, experiment), optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    kinds = set()
    for _ in range(40):
        trial = study.ask()
        values = {parameter.key: parameter.suggest(trial) for parameter in space.parameters}
        applied = space.apply(experiment, values)
        assert applied.encoder.layers in (1, 3, 5, 7)
        assert applied.training.max_grad_norm == values["training.max_grad_norm"]
        kinds.add((applied.objective["ranking"].loss.kind, applied.scorer.kind))
    assert len(kinds) == 4


def test_the_config_s_own_values_are_those_that_the_space_holds(experiment: Experiment) -> None:
    written = {
        "encoder.layers": {"low": 2, "high": 3},
        "encoder.dimension": [8, 16],
        "objective.ranking.loss": [{"kind": "bpr"}, {"kind": "info_nce", "temperature": 0.2}],
    }
    assert load_space(written, experiment).own_values(experiment) == {
        "encoder.dimension": 8,
        "objective.ranking.loss": {"kind": "info_nce", "temperature": 0.2},
    }


MISTAKES = {
    "encoder: {layrs: [1, 2]}": "encoder: unknown key 'layrs'; did you mean 'layers'?",
    "encoder:\n  layers: {low: 1, high: 2.5}": "encoder.layers: input should be a valid integer",
    "encoder.layers: {low: -1, high: 2}": "encoder.layers: input should be greater than or equal to 0, not -1",
    "encoder.layers: {low: 1, hihg: 2}": "encoder.layers: unknown key 'hihg'; did you mean 'high'?",
    "encoder.layers: {low: 1}": "encoder.layers: a range needs high",
    "encoder.layers: {low: 3, high: 3}": "encoder.layers: low 3 is not below high 3",
    "encoder.layers: {low: 1, high: 4, step: 2}": "encoder.layers: step 2 does not lead from low 1 to high 4",
    "encoder.layers: 2": "encoder.layers: 2 is neither a list of choices nor {low: ..., high: ...}",
    "encoder.layers: [2]": "encoder.layers: [2]: give two choices or more",
    "encoder.layers: [2, 3, 2]": "encoder.layers: choice 2 is given twice",
    "encoder.kind: [lightgcn, lightgnc]": "encoder: unknown kind 'lightgnc'; did you mean 'lightgcn'?",
    "training.learning_rate: {low: 0, high: 1, log: true}": "training.learning_rate: log needs low above 0, not 0",
    "training.learning_rate: {low: 1e-5, high: 1}": "not '1e-5'; YAML reads 1e-5 as text, write 1.0e-05",
    "objective.l2.weight: [0.1, 0.2]": "objective.l2.weight: the config has no objective.l2",
    "seed: [1, 2]": "seed: seed decides what is measured",
    "data.split.test: [0.1, 0.2]": "data.split.test: data decides what is measured",
    "training.metric: [a, b]": "training.metric: training.metric decides what is measured",
    "encoder.layers: [1, 2]\nencoder: {layers: [1, 3]}": "encoder.layers: this key is given twice",
    "just text": "is not a space",
}


@pytest.mark.parametrize("text", MISTAKES)
def test_a_mistake_is_one_line_that_says_where(text: str, experiment: Experiment, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text(f"# a comment\n{text}\n")
    with pytest.raises(ConfigError) as failure:
        load_space(path, experiment)
    (line,) = str(failure.value).splitlines()
    assert line.startswith(str(path))
    assert MISTAKES[text] in line
    if text != "just text":
        number = len(text.splitlines()) + 1
        assert line.startswith(f"{path}:{number}: ")


def test_all_mistakes_are_told_at_once(experiment: Experiment, tmp_path: Path) -> None:
    path = tmp_path / "space.yaml"
    path.write_text("encoder.layrs: [1, 2]\ntraining.warmup: {low: 0, high: 3}\n")
    with pytest.raises(ConfigError) as failure:
        load_space(path, experiment)
    assert [line.removeprefix(f"{path}:")[0] for line in str(failure.value).splitlines()] == ["1", "2"]


def test_a_space_that_is_not_there_is_answered_with_the_nearest(experiment: Experiment) -> None:
    with pytest.raises(ConfigError, match="no space 'lightgnc'; did you mean 'lightgcn'"):
        load_space("lightgnc", experiment)
