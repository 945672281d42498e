"""Constraints, lowest versions, audit and SBOM: what the scripts make of what other tools say."""

import doctest
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from scripts import audit, constraints, lowest, sbom

ROOT = Path(__file__).parents[2]
Resolve = Callable[..., dict[str, str]]


@pytest.mark.parametrize("script", [audit, constraints, lowest, sbom], ids=lambda script: script.__name__)
def test_its_examples_hold(script) -> None:
    failed, tried = doctest.testmod(script)
    assert tried
    assert not failed


def resolve(python: str, *options: str, constraints: str = "", prefer: str = "") -> dict[str, str]:
    """Stands for uv: newest versions, with what the constraints and preferences hold, and one more for 3.13."""
    held = dict(line.split("==") for line in (prefer + constraints).splitlines())
    newest = {"numpy": "3.0", "torch": "2.99", "nvidia-cublas": "13.0"} | ({"extra": "1"} if python == "3.13" else {})
    return {name: held.get(name, version) for name, version in newest.items()}


class TestRefresh:
    TEXT = "# header\nnumpy==2.4\ntorch==2.13.0  # fixed: why\nold==1\n"

    @pytest.fixture(autouse=True)
    def without_network(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(constraints, "resolve", resolve)

    def test_what_is_fixed_stays_and_all_else_is_new(self) -> None:
        found = constraints.refresh(self.TEXT, keep=False).splitlines()
        assert found == [constraints.HEADER, "extra==1", "numpy==3.0", "torch==2.13.0  # fixed: why"]

    def test_keep_adds_what_is_missing_alone(self) -> None:
        found = constraints.refresh(self.TEXT, keep=True).splitlines()
        assert found == [constraints.HEADER, "extra==1", "numpy==2.4", "torch==2.13.0  # fixed: why"]


def test_the_file_is_as_the_script_writes_it() -> None:
    text = constraints.FILE.read_text()
    assert constraints.render(constraints.read(text), constraints.reasons(text)) == text


def test_every_direct_dependency_is_in_the_file_and_has_a_lower_bound_below_its_version() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [each for extra in project["optional-dependencies"].values() for each in extra]
    bounds, versions = (
        lowest.lower_bounds([*project["dependencies"], *extras]),
        constraints.read(constraints.FILE.read_text()),
    )
    assert bounds.keys() <= versions.keys()

    def numbers(version: str) -> list[int]:
        return [int(part) for part in version.split(".")]

    assert not [name for name, bound in bounds.items() if numbers(bound) > numbers(versions[name])]


def test_a_requirement_without_a_lower_bound_is_refused() -> None:
    with pytest.raises(SystemExit, match="no lower bound: numpy"):
        lowest.lower_bounds(["torch>=2.9", "numpy"])


def test_a_vulnerability_is_named_and_fails() -> None:
    flaw = {"id": "CVE-1", "fix_versions": ["1.1"]}
    lines, code = audit.summarize([{"name": "a", "version": "1.0", "vulns": [flaw]}])
    assert lines == ["audit: 1 package, 1 known vulnerabilities", "a 1.0: CVE-1, fixed in 1.1"]
    assert code == 1
