"""Commands: how one is added, with help in paragraphs and examples to copy; and what happens when one fails."""

import inspect
import sys
from collections.abc import Callable
from typing import Any

import typer
from rich.markup import escape
from rich.text import Text
from typer.core import TyperGroup

from reccl.cli.console import err
from reccl.errors import RecclError

DEBUG = "--debug"
Function = Callable[..., None]


class Commands(TyperGroup):
    """A group whose commands end with one line and an exit code for a known failure. --debug may stand anywhere."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `TyperGroup`."""
        return super().parse_args(ctx, sorted(args, key=lambda word: word != DEBUG))

    def invoke(self, ctx: Any) -> Any:
        """See `TyperGroup`."""
        try:
            return super().invoke(ctx)
        except RecclError as error:
            if ctx.params["debug"]:
                raise
            report(error)
            sys.exit(error.exit_code)


def report(error: RecclError) -> None:
    """Print a known failure, also under --quiet."""
    err.quiet = False
    for line in str(error).splitlines():
        err.print(Text.assemble(("error:", "bold red"), f" {line}"))


def command(app: typer.Typer, name: str, *examples: str) -> Callable[[Function], Function]:
    """Add a function to an app. Its docstring is the help, the examples stand below."""

    def add(function: Function) -> Function:
        paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
        about = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        epilog = "\n".join(["Examples:", *(f"  {example}" for example in examples)])
        app.command(name, help=escape(about), epilog=escape(epilog))(function)
        return function

    return add
