"""Every command that a document shows can be run: its words exist, its config loads, its keys are the config's."""

import re
import shlex
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import typer

import reccl
from reccl.bundle import available
from reccl.cli.app import app
from reccl.config import Experiment, load
from reccl.errors import ConfigError
from reccl.studies.load import load_study

ROOT = Path(reccl.__file__).parents[1]
GENERATED = {"config.md", "layout.md"}
PAGES = [
    ROOT / "README.md",
    ROOT / "CONTRIBUTING.md",
    *(page for page in sorted((ROOT / "docs").glob("*.md")) if page.name not in GENERATED),
    *sorted((ROOT / "docs" / "tutorials").glob("*.ipynb")),
    *sorted((ROOT / "configs").rglob("*.yaml")),
]
OPEN = re.compile(r"\b(COMMAND|NAME|CONFIG|SETTINGS|FILE|[A-Z]+\b \.\.\.)|[A-Z] [A-Z]$|\.\.\.|\$[A-Z]")
"""What a reader fills in."""
SETTINGS = re.compile(r"[a-z_]+(\.\w+)+=\S+( [a-z_]+(\.\w+)+=\S+)*")


def commands(page: Path) -> list[list[str]]:
    """The words of every `reccl` command of a page: of code blocks, and in running text."""
    text = page.read_text().replace("\\\\\\n", " ").replace("\\\n", " ")
    variables = dict(re.findall(r'^([A-Z]+)="(.*)"$', text, re.MULTILINE))
    spans = [" ".join(span.split()) for span in re.findall(r"(?<!`)`([^`]+)`(?!`)", text)]
    blocks = "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.DOTALL)) if page.suffix != ".yaml" else text
    lines = [line.removeprefix("# ").strip() for line in blocks.splitlines()]
    found = [line for line in [*lines, *spans] if line.startswith("reccl ")]
    expanded = [re.sub(r"\$([A-Z]+)", lambda name: variables.get(name[1], name[0]), line) for line in found]
    return [words for line in expanded if not OPEN.search(line) and (words := split(line))]


def split(line: str) -> list[str]:
    """Shell words without a comment; none where the line is prose."""
    try:
        return shlex.split(line, comments=True)[1:]
    except ValueError:
        return []


def check(words: list[str]) -> None:
    """The command and its options exist; its config and overrides load."""
    command: Any = typer.main.get_command(app)
    rest = list(words)
    while rest and hasattr(command, "commands") and rest[0] in command.commands:
        command = command.commands[rest.pop(0)]
    assert not hasattr(command, "commands") or not rest or rest[0].startswith("-"), f"no command {rest[0]}"
    known = {option for parameter in command.params for option in (*parameter.opts, *parameter.secondary_opts)} | {
        "--help",
        "-h",
        "--debug",
    }
    for word in rest:
        assert not re.match(r"--?[a-z]", word) or word.partition("=")[0] in known, f"no option {word}"
    if "--config" in rest[:-1] and (name := rest[rest.index("--config") + 1]) in bundled():
        load_study(name) if words[0] == "study" else load(name, overrides(rest))


def overrides(words: list[str]) -> list[str]:
    return [words[place + 1] for place, word in enumerate(words) if word == "--set"]


@cache
def bundled() -> set[str]:
    names = available("configs", ".yaml")
    return {*names, *(f"{name}.yaml" for name in names)}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_its_commands_can_be_run(page: Path) -> None:
    for words in commands(page):
        try:
            check(words)
        except (AssertionError, ConfigError) as error:
            raise AssertionError(f"reccl {shlex.join(words)}: {error}") from None


def test_commands_are_found() -> None:
    assert sum(len(commands(page)) for page in PAGES) > 100


RESULTS = (ROOT / "docs" / "results.md").read_text()
COLD = (ROOT / "docs" / "cold-start.md").read_text()


def spans(text: str) -> list[str]:
    return [" ".join(span.split()) for span in re.findall(r"`([^`]+)`", text)]


def presets() -> dict[str, list[str]]:
    """FAST, SMOOTH ... of the table of ML-1M: their settings; a later one of a key wins."""
    found: dict[str, list[str]] = {}
    for name, same, settings in re.findall(r"\b([A-Z]{4,}): (the same with )?`([^`]+)`", RESULTS):
        found[name] = [*(found["FAST"] if same else []), *settings.split()]
    return found


def rows_of_ml1m() -> Iterator[tuple[str, list[str]]]:
    """Config and settings of every row."""
    section = RESULTS.partition("## ML-1M m1")[2].partition("\n## ")[0]
    for row in re.findall(r"^\| (`[^|]+)\|", section, re.MULTILINE):
        config, *settings = spans(row)
        named = [value for name, values in presets().items() if re.search(rf"\b{name}\b", row) for value in values]
        yield config, [*named, *(value for each in settings for value in each.split())]


@pytest.mark.parametrize(("config", "settings"), list(rows_of_ml1m()), ids=str)
def test_the_settings_of_every_row_of_the_results_are_keys_of_its_config(config: str, settings: list[str]) -> None:
    load(config, ["data=ml-1m-m1", "training.metric=ndcg_at_20", "evaluation.cutoffs=[20]", *settings])


def test_the_commands_of_the_table_of_cold_start_load() -> None:
    variables = dict(re.findall(r'^([A-Z]+)="(.*)"$', COLD, re.MULTILINE))
    rows = [span for line in COLD.splitlines() if line.startswith("| ") for span in spans(line) if ".yaml" in span]
    assert len(rows) > 8
    for row in rows:
        config, *words = shlex.split(re.sub(r"\$([A-Z]+)", lambda name: variables[name[1]], row))
        load(config, overrides(words))


@pytest.mark.parametrize("page", ["results.md", "cold-start.md", "concepts.md"])
def test_settings_in_running_text_are_keys_of_some_config(page: str) -> None:
    for span in spans((ROOT / "docs" / page).read_text()):
        if SETTINGS.fullmatch(span) and not OPEN.search(span):
            assert some_config_takes(span), span


@cache
def some_config_takes(settings: str) -> bool:
    names = ("movielens", "best", "methods/lightgcn", "gowalla", "movielens-cold-items", *sorted(bundled()))
    return any(takes(name, settings) for name in names)


def takes(name: str, settings: str) -> bool:
    try:
        return isinstance(load(name, settings.split()), Experiment)
    except ConfigError:
        return False
