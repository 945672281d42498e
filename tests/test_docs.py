"""The documents say what is so: configs, keys and modules that pages name exist, and what they show runs."""

import pkgutil
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from reccl.config import dump, load, loads
from reccl.reference import reference
from scripts import methods

ROOT = Path(__file__).parents[1]
OWN = {"config.yaml", "orders.yaml", "methods/NAME.yaml", "mine.yaml", "my-experiment.yaml", "my-shop.yaml"} | {
    "shop.yaml",
    "best-ease.yaml",
    "best-lightgcn.yaml",
    "best-sgl-ed.yaml",
}
"""Files that a reader makes, or has made."""


def test_every_config_that_the_readme_trains_with_exists() -> None:
    names = set(re.findall(r"--config ([\w./-]+\.yaml)", (ROOT / "README.md").read_text())) - OWN
    assert "movielens.yaml" in names
    assert not [name for name in names if not (ROOT / "configs" / name).is_file()]


PAGES = [ROOT / "README.md", *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name != "layout.md")]
KINDS = re.compile(r"kind: (\w+)")
KEY = re.compile(r"`((?:data|encoder|objective|scorer|cold_start|training|evaluation)(?:\.\w+)+)(?::[^`]*|=[^`]*)?`")


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_config_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"(?:--config |`)((?:methods/)?[\w+-]+\.yaml)", page.read_text())) - OWN
    assert not [name for name in named if not (ROOT / "configs" / name).is_file()]


@pytest.mark.parametrize("page", ["glossary.md", "which-config.md", "methods.md", "index.md"])
def test_every_kind_and_key_that_a_page_names_exists(page: str) -> None:
    text = (ROOT / "docs" / page).read_text()
    kinds = set(KINDS.findall(reference()))
    assert set(KINDS.findall(text)) <= kinds
    keys = set(re.findall(r"^\| `(\w+)`", reference(), re.MULTILINE)) | {"ranking", "contrast", "users", "items"}
    assert not [key for key in KEY.findall(text) if not set(key.split(".")[1:]) <= keys]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_file_and_folder_of_the_repository_that_a_page_names_exists(page: Path) -> None:
    named = set(re.findall(r"`((?:reccl|tests|benchmarks|scripts|configs|docs)/[\w./+-]*)`", page.read_text()))
    assert not [name for name in named if not (ROOT / name).exists() and "NAME" not in name]


def test_every_module_and_function_of_the_glossary_exists() -> None:
    for name in re.findall(r"`(reccl\.[\w.]+)`", (ROOT / "docs" / "glossary.md").read_text()):
        assert pkgutil.resolve_name(name), name


def test_the_page_of_methods_is_what_the_configs_say() -> None:
    assert methods.PAGE.read_text() == methods.page(), "run: python scripts/methods.py"
    assert len(methods.methods()) == len(list((ROOT / "configs" / "methods").glob("*.yaml")))


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
