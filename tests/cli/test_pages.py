"""Command lines that the pages show can be copied: commands and options exist."""

import re
import shlex
from collections.abc import Iterator
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest
from typer.main import get_command

from reccl.cli.app import app

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def command_lines(page: Path) -> Iterator[list[str]]:
    """The words after `reccl` of every line of the shell blocks, without variables, pipes and comments."""
    for block in re.findall(r"```(?:bash|sh|console)\n(.*?)```", page.read_text(), re.DOTALL):
        for line in block.replace("\\\n", " ").splitlines():
            if found := re.match(r"(?:\$ )?(?:\S*/)?(?:python -m )?reccl (.*)", line.strip()):
                lexer = shlex.shlex(found[1], posix=True, punctuation_chars="|>;&")
                lexer.whitespace_split = True
                words = takewhile(lambda word: not set(word) <= set("|>;&"), lexer)
                yield [word for word in words if not word.startswith("$")]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.name)
def test_every_command_line_of_a_page_is_understood(page: Path) -> None:
    for words in command_lines(page):
        command: Any = get_command(app)
        while hasattr(command, "commands") and words and not words[0].startswith("-"):
            assert words[0] in command.commands, f"{page.name} shows reccl {' '.join(words)}"
            command, words = command.commands[words[0]], words[1:]
        command.make_context("reccl", list(words), resilient_parsing="--help" in words or "--version" in words)
