"""The best config stays close to the file that was tuned, loads to the best trial, and copies no password."""

from copy import deepcopy
from pathlib import Path

import pytest

from reccl.bounded_yaml import parse_yaml
from reccl.config import Experiment, load, read, validate
from reccl.config_file import write_override
from reccl.errors import ConfigError
from reccl.tuning.best_config import Source, check_target, name_best, to_yaml
from reccl.tuning.space import load_space

SPACE = {
    "objective.ranking.loss": [{"kind": "bpr"}, {"kind": "info_nce", "temperature": 0.5}],
    "training.learning_rate, training.weight_decay": {"low": 1e-6, "high": 1.0, "log": True},
    "encoder.layers": {"low": 1, "high": 4},
}


def loaded(text: str) -> Experiment:
    return validate(parse_yaml(text, "best")[0], (), {}, "best")


@pytest.mark.parametrize(
    "overrides", [(), ("encoder.kind=egcf", "data.timestamp=null"), ("training.epochs=9",)], ids=str
)
@pytest.mark.parametrize("loss", SPACE["objective.ranking.loss"], ids=lambda loss: loss["kind"])
def test_it_loads_to_the_best_trial(experiment: Experiment, overrides: tuple[str, ...], loss: dict) -> None:
    base = load("planted.yaml", overrides)
    values = {"objective.ranking.loss": loss, "training.learning_rate, training.weight_decay": 1.234567890123e-05}
    best = name_best(load_space(SPACE, base).apply(base, values))
    text = to_yaml(best, Source(read("planted.yaml")[0], overrides), values)
    assert loaded(text) == best
    assert best.training.weight_decay == 1.234567890123e-05
    assert len(text.splitlines()) < 15  # the whole config has a hundred lines


def test_a_config_that_was_given_as_an_object_is_written_whole(experiment: Experiment) -> None:
    text = to_yaml(name_best(experiment), None, {})
    assert loaded(text) == name_best(experiment)
    assert "receiver_exponent" in text


@pytest.mark.parametrize("overridden", [False, True])
def test_no_password_is_copied(experiment: Experiment, overridden: bool) -> None:
    shop = {"pipeline": "table", "database": "postgresql://ann:s3cret@host/shop", "query": "select"}
    raw = {**read("planted.yaml")[0], "data": shop}
    best = name_best(validate(deepcopy(raw), (), {}, "raw"))
    source = Source({**raw, "data": "ml-100k"}, [write_override("data", shop)]) if overridden else Source(raw)
    text = to_yaml(best, source, {})
    assert "s3cret" not in text
    assert "postgresql://ann:***@host/shop" in text


def test_a_file_that_the_study_has_not_written_is_not_replaced(tmp_path: Path) -> None:
    path = tmp_path / "best.yaml"
    check_target(path, "mine")
    path.write_text("# The best trial of study mine (trial 3): ...")
    check_target(path, "mine")
    with pytest.raises(ConfigError, match="study 'min' has not written it"):
        check_target(path, "min")
