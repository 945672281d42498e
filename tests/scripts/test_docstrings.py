"""Docstrings on the site: equations stay equations, names become links, comments count."""

from pathlib import Path

import pytest

griffe = pytest.importorskip("griffe")

MODULE = '''"""Losses."""


class Pairs:
    """What a loss sees."""

    kind: str = "pairs"
    anchor: int  # [B, D] <of> the batch
    bare: int


def loss(pairs):
    """Loss of `Pairs`, of `pairs` and of `nothing`.

    L = mean over pairs (u, i) of |x_u - x_i|^2
    s = similarity

    w = 1 makes every pair count the same. It is the default.

    >>> loss(1)
    0
    """
'''


@pytest.fixture(scope="module")
def module(tmp_path_factory: pytest.TempPathFactory) -> griffe.Module:
    from scripts.docstrings import Docstrings

    folder = tmp_path_factory.mktemp("package") / "reccl"
    folder.mkdir()
    (folder / "__init__.py").write_text(MODULE)
    extensions = griffe.load_extensions(Docstrings)
    loaded = griffe.load("reccl", search_paths=[folder.parent], extensions=extensions, try_relative_path=False)
    assert isinstance(loaded, griffe.Module)
    return loaded


def test_an_equation_becomes_a_block_and_a_sentence_stays_a_sentence(module: griffe.Module) -> None:
    text = module["loss"].docstring.value
    assert "```text\nL = mean over pairs (u, i) of |x_u - x_i|^2\ns = similarity\n```" in text
    assert "\n\nw = 1 makes every pair count the same. It is the default.\n\n" in text
    assert text.endswith("```pycon\n>>> loss(1)\n0\n```")


def test_a_name_that_is_documented_becomes_a_link(module: griffe.Module) -> None:
    text = module["loss"].docstring.value
    assert '<autoref identifier="reccl.Pairs" optional><code>Pairs</code></autoref>' in text
    assert "`nothing`" in text


def test_the_comment_behind_a_field_is_its_documentation(module: griffe.Module) -> None:
    assert module["Pairs.anchor"].docstring.value == "[B, D] &lt;of> the batch"
    assert module["Pairs.kind"].docstring.value == "Chooses this part in a config."
    assert module["Pairs.bare"].docstring is None


def test_the_extension_is_the_one_that_the_site_uses() -> None:
    root = Path(__file__).parents[2]
    assert "- scripts/docstrings.py" in (root / "mkdocs.yml").read_text()
