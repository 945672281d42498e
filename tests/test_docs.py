"""The documents say what is so: the config reference, the part that a page adds."""

import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reccl.config import dump, load, loads
from reccl.reference import reference

ROOT = Path(__file__).parents[1]


def test_every_config_that_the_readme_trains_with_exists() -> None:
    names = set(re.findall(r"--config ([\w./-]+\.yaml)", (ROOT / "README.md").read_text()))
    assert {"movielens.yaml", "table.yaml"} <= names
    assert not [name for name in names if not (ROOT / "configs" / name).is_file()]


def test_the_config_reference_is_what_the_classes_say() -> None:
    assert (ROOT / "docs" / "config.md").read_text() == reference(), "run: reccl config reference > docs/config.md"


def code_blocks(page: str, language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", (ROOT / "docs" / page).read_text(), re.DOTALL)


def test_the_reference_test_that_the_page_shows_passes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    code, shown = code_blocks("adding-a-part.md", "python")[:2]
    (tmp_path / "my_losses.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    inside: dict[str, Callable[[], None]] = {}
    exec(shown, inside)
    inside["test_circle_is_suns"]()
    sys.modules.pop("my_losses", None)


def test_the_loss_that_the_page_adds_trains_from_outside_the_package(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    code = code_blocks("adding-a-part.md", "python")[0]
    assert len(code.splitlines()) < 30
    (tmp_path / "my_losses.py").write_text(code)
    monkeypatch.syspath_prepend(tmp_path)
    objective = code_blocks("adding-a-part.md", "yaml")[0]
    pairs = "\n".join(f"{u},{i}" for u in range(30) for i in range(12) if (u + i) % 3)
    (tmp_path / "pairs.csv").write_text(f"user,item\n{pairs}\n")
    config = f"name: outside\ndata: {{pipeline: table, interactions: {tmp_path / 'pairs.csv'}}}\n"
    config += f"encoder: {{kind: matrix_factorization, dimension: 8}}\n{objective}training: {{epochs: 2}}\n"
    (tmp_path / "outside.yaml").write_text(config)
    experiment = load(tmp_path / "outside.yaml")
    assert loads(dump(experiment)) == experiment
    monkeypatch.chdir(tmp_path)
    from reccl.experiment import run

    outcome = run(experiment, device="cpu")
    assert outcome.fit.history[-1].losses["ranking"] > 0
    sys.modules.pop("my_losses", None)
