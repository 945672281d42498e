"""Random configs and overrides: each loads, and then to the same once it is written, or is refused in a few lines."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from reccl import config
from tests.robustness.fuzz_configs import BITS, BOMBS, LETTERS, WORDS, config_bytes
from tests.robustness.fuzzing import cases, ends_well, few

KEYS = (
    "name", "seed", "data", "data.pipeline", "data.user", "data.interactions", "data.split", "data.split.test",
    "data.since", "data.features", "encoder", "encoder.kind", "encoder.dimension", "encoder.layers", "objective",
    "objective.ranking", "objective.ranking.loss.temperature", "objective.ranking.weight", "scorer", "scorer.kind",
    "training", "training.epochs", "training.metric", "training.learning_rate", "evaluation.cutoffs", "cold_start",
    "cold_start.items", "a.b", "", ".", "encoder..layers",
)  # fmt: skip
SETTINGS = st.tuples(
    st.one_of(st.sampled_from(KEYS), st.text(LETTERS, max_size=8)),
    st.sampled_from(["=", "=", "=", "==", ""]),
    st.one_of(
        st.sampled_from([*WORDS, *BITS, "{}", "[]", "{kind: popularity}", "{kind: ease}", "null", "5", "1.5", *BOMBS]),
        st.text(LETTERS, max_size=12),
        st.integers().map(str),
        st.floats().map(str),
    ),
).map("".join)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the files lie that are read."""
    return tmp_path_factory.mktemp("configs")


def load(path: Path, content: bytes) -> None:
    """A file loads, and gives the same when it is written and read again."""
    path.write_bytes(content)
    made, _ = ends_well("configs", lambda: config.load(path))
    if made is not None:
        assert config.dump(config.loads(config.dump(made))) == config.dump(made)


def override(texts: list[str]) -> None:
    """Overrides of a bundled config."""
    made, _ = ends_well("overrides", lambda: config.load("smoke", texts))
    if made is not None:
        assert config.dump(config.loads(config.dump(made))) == config.dump(made)


@few
@given(config_bytes())
def test_a_random_config_loads_or_says_why_not(folder: Path, content: bytes) -> None:
    load(folder / "random.yaml", content)


@few
@given(st.lists(SETTINGS, min_size=1, max_size=2))
def test_random_overrides_are_taken_or_refused(texts: list[str]) -> None:
    override(texts)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(6_000)
@given(config_bytes())
def test_many_random_configs(folder: Path, content: bytes) -> None:
    load(folder / "random.yaml", content)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@cases(4_000)
@given(st.lists(SETTINGS, min_size=1, max_size=2))
def test_many_random_overrides(texts: list[str]) -> None:
    override(texts)
