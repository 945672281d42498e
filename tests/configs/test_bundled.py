"""Every bundled config loads, says what it is and how to run it, and comes back from its dump."""

from pathlib import Path

import pytest

from reccl.bundle import locate_bundled
from reccl.config import dump, load, loads
from reccl.scorers.selection import Distillation
from reccl.studies.load import load_study
from reccl.tuning.space import load_space

CONFIGS = locate_bundled("configs")
EXPERIMENTS = sorted(path for path in CONFIGS.rglob("*.yaml") if path.parent.name not in ("data", "spaces", "studies"))
PRESETS = sorted((CONFIGS / "data").glob("*.yaml"))
SPACES = sorted((CONFIGS / "spaces").glob("*.yaml"))
STUDIES = sorted((CONFIGS / "studies").glob("*.yaml"))


def short(path: Path) -> str:
    return path.relative_to(CONFIGS).with_suffix("").as_posix()


@pytest.fixture(autouse=True)
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Bundled configs are found from any folder."""
    monkeypatch.chdir(tmp_path)


def test_there_are_experiments_and_presets() -> None:
    assert {"smoke", "movielens", "gowalla"} <= {short(path) for path in EXPERIMENTS}
    assert {"data/ml-100k", "data/gowalla"} <= {short(path) for path in PRESETS}


@pytest.mark.parametrize("path", EXPERIMENTS, ids=short)
class TestEveryExperiment:
    def test_it_loads_by_its_name_and_comes_back_from_its_dump(self, path: Path) -> None:
        experiment = load(short(path))
        assert experiment.name == path.stem
        assert loads(dump(experiment)) == experiment
        assert dump(loads(dump(experiment))) == dump(experiment)

    def test_it_begins_with_a_headline_and_the_command_that_runs_it(self, path: Path) -> None:
        headline, command = path.read_text().splitlines()[:2]
        assert headline.startswith("# ")
        assert len(headline) > 20
        assert headline.endswith((".", ":", ")"))
        assert command.startswith(f"# reccl train --config {short(path)}.yaml")


@pytest.mark.parametrize("path", PRESETS, ids=short)
class TestEveryPreset:
    def test_it_takes_the_place_of_any_data_section(self, path: Path) -> None:
        experiment = load("smoke", [f"data={path.stem}"])
        assert path.stem.startswith(experiment.data.source)
        assert experiment.data.split is not None
        assert loads(dump(experiment)) == experiment

    def test_it_says_its_size_its_protocol_and_its_source(self, path: Path) -> None:
        comment = [line for line in path.read_text().splitlines() if line.startswith("# ")]
        assert "users" in comment[0]
        assert any(line.startswith("# Protocol: ") for line in comment)
        assert any(line.startswith("# Source: https://") for line in comment)


@pytest.mark.parametrize("path", SPACES, ids=short)
class TestEverySpace:
    def test_it_holds_the_settings_of_the_method_that_it_is_called_as(self, path: Path) -> None:
        experiment = load(f"methods/{path.stem}")
        space = load_space(path.stem, experiment)
        assert list(space.own_values(experiment)) == space.keys

    def test_it_begins_with_a_headline_and_the_command_that_searches_it(self, path: Path) -> None:
        headline, command = path.read_text().splitlines()[:2]
        assert headline.startswith("# Search space of ")
        assert command.startswith(f"# reccl tune --config methods/{path.stem}.yaml")


@pytest.mark.parametrize("path", STUDIES, ids=short)
class TestEveryStudy:
    def test_every_config_on_every_data_set_is_one(self, path: Path) -> None:
        study = load_study(short(path))
        assert study.settings.name == path.stem
        assert len(study.settings.configs) > 1

    def test_it_begins_with_a_headline_and_the_command_that_runs_it(self, path: Path) -> None:
        headline, command = path.read_text().splitlines()[:2]
        assert headline.startswith("# ")
        assert headline.endswith((".", ":"))
        assert command == f"# reccl study --config {short(path)}.yaml"


def test_the_model_for_a_table_of_ones_own_is_that_of_best() -> None:
    own, best = load("table"), load("best")
    assert own.data.pipeline == "table"
    assert own.model_copy(update={"name": best.name, "data": best.data}) == best


def test_the_teacher_of_vectors_is_best() -> None:
    vectors, best = load("vectors"), load("best")
    assert isinstance(vectors.scorer, Distillation)
    assert vectors.scorer.dimension == 64
    alike = {"name": best.name, "scorer": vectors.scorer.teacher, "pilot": best.pilot}
    assert vectors.model_copy(update=alike) == best
    candidates, of_best = vectors.candidates(), best.candidates()
    assert {name: each.scorer.teacher for name, each in candidates.items()} == {
        name: each.scorer for name, each in of_best.items()
    }
    assert {name: each.objective for name, each in candidates.items()} == {
        name: each.objective for name, each in of_best.items()
    }
