"""The shell is offered configs, keys, data sets and runs, and never an error."""

from pathlib import Path
from types import SimpleNamespace

import pytest

from reccl import tracking
from reccl.cli.completion import complete_config, complete_data, complete_key, complete_run


@pytest.fixture
def here(tmp_path: Path, inside) -> Path:
    with inside(tmp_path):
        (tmp_path / "shop.yaml").write_text("name: shop\ndata: ml-100k\nscorer: {kind: popularity}\n")
        (tmp_path / "configs").mkdir()
        (tmp_path / "configs" / "mine.yaml").write_text("name: mine\n")
        yield tmp_path


def test_configs_are_the_bundled_ones_the_local_ones_and_yaml_files_here(here: Path) -> None:
    assert {"movielens", "movielens-popularity"} <= set(complete_config("mov"))
    assert complete_config("methods/simg") == ["methods/simgcl"]
    assert complete_config("sho") == ["shop.yaml"]
    assert complete_config("configs/m") == ["configs/mine.yaml"]
    assert complete_config("min") == ["mine"]


def test_keys_are_those_of_the_config_that_is_named(here: Path) -> None:
    named = SimpleNamespace(params={"config": "movielens"})
    assert "encoder.dimension=" in complete_key(named, [], "encoder.d")
    shop = complete_key(SimpleNamespace(params={"config": "shop.yaml"}), [], "")
    assert "scorer.kind=" in shop
    assert "encoder.dimension=" not in shop
    assert complete_key(SimpleNamespace(params={"config": "none.yaml"}), [], "training.ep") == ["training.epochs="]


def test_data_sets_are_completed() -> None:
    assert "gowalla" in complete_data("gow")


def test_runs_are_completed_by_name_and_by_the_beginning_of_their_ids(monkeypatch: pytest.MonkeyPatch) -> None:
    def run(identifier: str, name: str | None) -> SimpleNamespace:
        return SimpleNamespace(info=SimpleNamespace(run_id=identifier, run_name=name, status="FINISHED"))

    monkeypatch.setattr(tracking, "stored_runs", lambda: [run("abcdef0123", "sgl"), run("0123456789", None)])
    assert [word for word, _ in complete_run("")] == ["latest", "01234567", "abcdef01", "sgl"]
    assert complete_run("ab") == [("abcdef01", "sgl, finished")]
    monkeypatch.setattr(tracking, "stored_runs", lambda: 1 / 0)
    assert complete_run("") == []
