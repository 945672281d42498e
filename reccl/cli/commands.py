"""Commands: how one is added, with help in paragraphs and examples to copy; and what happens when one fails."""

import inspect
import os
import sys
import traceback
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import typer
from rich.markup import escape
from rich.text import Text
from typer.core import TyperGroup
from typer.exceptions import TyperException

from reccl.cli.console import err
from reccl.cli.foreign_errors import explain_foreign
from reccl.errors import RecclError
from reccl.redaction import redact

DEBUG = "--debug"
PASSING = (typer.Exit, typer.Abort, TyperException, SystemExit, GeneratorExit, BrokenPipeError)
"""What ends a command without being a failure of it, and mistakes of usage."""
Function = Callable[..., None]


class Commands(TyperGroup):
    """A group whose commands end with one line and an exit code for a known failure. --debug may stand anywhere."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """See `TyperGroup`."""
        return super().parse_args(ctx, sorted(args, key=lambda word: word != DEBUG))

    def invoke(self, ctx: Any) -> Any:
        """See `TyperGroup`."""
        try:
            Path.cwd()  # raises where the folder is gone; libraries would end the process
            return super().invoke(ctx)
        except KeyboardInterrupt:
            sys.exit(130)
        except PASSING:
            raise
        except BaseException as error:  # some libraries written in Rust raise BaseExceptions
            sys.exit(report(error, debug=ctx.params["debug"]))


def report(error: BaseException, *, debug: bool) -> int:
    """Print a failure, also under --quiet: known ones say what to do, others are explained. The exit code."""
    known = isinstance(error, RecclError)
    text = str(error) if known else explain_foreign(error)
    code, printed = error.exit_code if isinstance(error, RecclError) else 1, True
    if "RANK" in os.environ:  # perhaps one of several processes
        from reccl.distributed.launch import tell_launcher

        code, printed = tell_launcher(error, redact(text), code)
    with suppress(OSError, ValueError):  # nobody reads stderr
        err.quiet = False
        if debug:
            err.print(Text(printable(redact("".join(traceback.format_exception(error))))), end="")
        for line in printable(redact(text)).splitlines() if printed else ():
            err.print(Text.assemble(("error:", "bold red"), f" {line}"))
    return code


def printable(text: str) -> str:
    """Text without what cannot be encoded or moves the cursor; file names may hold anything."""
    encoded = text.encode("utf-8", "backslashreplace").decode()
    return "".join(letter if letter.isprintable() or letter == "\n" else repr(letter)[1:-1] for letter in encoded)


def command(app: typer.Typer, name: str, *examples: str) -> Callable[[Function], Function]:
    """Add a function to an app. Its docstring is the help, the examples stand below."""

    def add(function: Function) -> Function:
        paragraphs = inspect.cleandoc(function.__doc__ or "").split("\n\n")
        about = "\n\n".join(" ".join(paragraph.split()) for paragraph in paragraphs)
        epilog = "\n".join(["Examples:", *(f"  {example}" for example in examples)])
        app.command(name, help=escape(about), epilog=escape(epilog))(function)
        return function

    return add
