"""The project's own files agree with each other: version, changelog, citation, make targets, workflows."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

import reccl

ROOT = Path(__file__).parents[1]


def test_the_citation_is_of_this_version() -> None:
    assert yaml.safe_load((ROOT / "CITATION.cff").read_text())["version"] == reccl.__version__


def test_the_changelog_begins_with_what_is_unreleased() -> None:
    titles = re.findall(r"^## (.*)$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title) for title in titles[1:])


def test_every_yaml_of_the_forge_is_yaml() -> None:
    files = [*(ROOT / ".github").rglob("*.yml"), ROOT / "mkdocs.yml"]
    assert len(files) >= 7
    for path in files:
        assert yaml.safe_load(path.read_text()), path


def test_the_workflow_runs_what_the_contributing_guide_says() -> None:
    assert "bash .ci/run" in (ROOT / ".github/workflows/ci.yml").read_text()
    assert "bash .ci/run" in (ROOT / "CONTRIBUTING.md").read_text()


@pytest.mark.parametrize("page", ["README.md", "CONTRIBUTING.md", "docs/index.md"])
def test_every_make_target_that_a_page_names_exists(page: str) -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    named = set(re.findall(r"(?:^|`)make ([a-z-]+)", (ROOT / page).read_text(), re.MULTILINE))
    assert named <= targets


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_help_lists_every_target() -> None:
    targets = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    listed = subprocess.run(["make", "-s", "help"], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    assert {line.split()[0] for line in listed.splitlines()} == targets


def test_relative_links_of_the_top_pages_exist() -> None:
    for page in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "SECURITY.md"):
        for target in re.findall(r"\]\((?!https?:|#)([^)#]+)", (ROOT / page).read_text()):
            assert (ROOT / target).exists() or target == "docs/layout.md", f"{page}: {target}"


def test_every_constraint_is_a_name_and_a_version() -> None:
    lines = (ROOT / "constraints.txt").read_text().splitlines()
    assert not [line for line in lines[1:] if not re.fullmatch(r"[\w.-]+==[\w.]+(  # fixed: .+)?", line)]
    names = [line.split("==")[0] for line in lines[1:]]
    assert len(names) == len(set(names))
    assert any(line.startswith("torch==2.13.0  # fixed: ") for line in lines)
