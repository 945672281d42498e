"""Code that a stored run names runs only where its digest is one of this user's own trainings, or with --trust."""

from pathlib import Path

import pytest

import reccl
from reccl import trust
from reccl.config import loads

PIPELINE = """
from pathlib import Path
import polars as pl
from reccl.data.ingest.funnel import Funnel
from reccl.data.ingest.tables import Tables

Path({ran!r}).touch()


def pipeline(raw):
    return Tables(Funnel.read(pl.scan_csv("buys.csv")))
"""
OWN = ("--set", "data.pipeline=./shop.py", "--set", "data.interactions=null")
CONFIG = """\
name: planted
data: {pipeline: ./shop.py}
scorer: {kind: popularity}
"""


@pytest.fixture
def stored(fresh, tmp_path: Path) -> "tuple[object, Path]":
    """A run that was trained with a pipeline of its own, and the file that the pipeline leaves when it runs."""
    ran = tmp_path / "ran"
    (fresh.folder / "shop.py").write_text(PIPELINE.format(ran=str(ran)))
    (fresh.folder / "own.yaml").write_text(CONFIG)
    assert fresh("train", "--config", "own.yaml").code == 0
    ran.unlink()
    return fresh, ran


def test_the_code_of_an_own_training_runs_again(stored) -> None:
    shop, ran = stored
    assert shop("evaluate").code == 0
    assert ran.exists()


@pytest.mark.parametrize("words", [("evaluate",), ("cold",)])
def test_code_that_no_own_training_has_run_is_refused_and_does_not_run(stored, words: tuple[str, ...]) -> None:
    shop, ran = stored
    trust.list_path().unlink()
    answer = shop(*words)
    assert answer.code == 2
    assert (
        "the run names code of its own, pipeline ./shop.py (shop.py), which no training of yours has run" in answer.err
    )
    assert not ran.exists()
    assert "names code of its own" not in shop(*words, "--trust").err
    assert ran.exists()


def test_code_that_has_changed_since_is_refused(stored) -> None:
    shop, ran = stored
    (shop.folder / "shop.py").write_text((shop.folder / "shop.py").read_text() + "# changed\n")
    assert "or which has changed since" in shop("evaluate").err
    assert not ran.exists()


def test_a_list_that_others_may_write_counts_for_nothing(stored) -> None:
    shop, _ = stored
    trust.list_path().chmod(0o666)
    assert shop("evaluate").code == 2
    trust.list_path().chmod(0o600)
    assert shop("evaluate").code == 0


def test_recommending_runs_no_code_of_a_foreign_run(stored) -> None:
    shop, ran = stored
    trust.list_path().unlink()
    for words in (("runs",), ("compare",), ("recommend", "--users", "u001", "--out", "lists.csv")):
        assert shop(*words).code == 0, words
    assert not ran.exists()


def test_a_class_of_a_foreign_config_is_not_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "stranger_parts"
    package.mkdir()
    (package / "__init__.py").write_text(f"from pathlib import Path\nPath({str(tmp_path / 'ran')!r}).touch()\n")
    (package / "parts.py").write_text(
        "from typing import Literal\nfrom reccl.scorers import ScorerSettings\n\n\n"
        "class Mine(ScorerSettings):\n    kind: Literal['mine'] = 'mine'\n"
    )
    monkeypatch.syspath_prepend(str(tmp_path))
    text = "name: a\ndata: {pipeline: table, interactions: a.csv}\nscorer: {class: stranger_parts.parts.Mine}\n"
    with pytest.raises(reccl.ConfigError, match=r"names code of its own, class stranger_parts\.parts\.Mine"):
        loads(text)
    assert not (tmp_path / "ran").exists()
    trust.record_trust([package / "parts.py"])
    with pytest.raises(reccl.ConfigError, match="names code of its own"):  # importing it runs its package, too
        loads(text)
    assert loads(text, trust=True).scorer.kind == "mine"
    assert (tmp_path / "ran").exists()


def test_in_python_a_model_is_used_without_its_code_and_its_config_needs_trust(stored, inside) -> None:
    shop, ran = stored
    trust.list_path().unlink()
    with inside(shop.folder):
        model = reccl.load(run="latest")
        assert model.recommend(users=["u001"], k=3).height == 3
        assert "planted" in repr(model)
        with pytest.raises(reccl.ConfigError, match="trust=True"):
            _ = model.experiment
        assert not ran.exists()
        assert reccl.load(run="latest", trust=True).experiment.data.pipeline == "./shop.py"


def test_a_local_file_does_not_stand_in_for_a_bundled_pipeline(fresh, tmp_path: Path) -> None:
    ran = tmp_path / "ran"
    (fresh.folder / "pipelines").mkdir()
    for place in (fresh.folder / "pipelines" / "table.py", fresh.folder / "table.py"):
        place.write_text(PIPELINE.format(ran=str(ran)))
    answer = fresh("config", "show", "planted.yaml")
    assert answer.code == 0
    note = "note: pipeline table is the one that came with reccl; to use yours, write ./pipelines/table.py\n"
    assert answer.err == note
    trained = fresh("train", "--config", "planted.yaml")
    assert trained.code == 0
    assert note in trained.err
    assert not ran.exists()
    fresh("config", "show", "planted.yaml", "--set", "data.pipeline=./pipelines/table.py")
    assert ran.exists()
