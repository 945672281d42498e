"""Console: what the command line prints, and where. Results go to stdout, messages to stderr."""

import json
import sys
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from reccl.cli.completion import complete_key, complete_run

WIDE = 240
"""Columns where nobody looks: in a pipe or a file."""


def console(*, stderr: bool = False, width: int | None = None) -> Console:
    """A console that prints text as it is: a run may be called [bold]x[/] or :smile:."""
    return Console(stderr=stderr, width=width, markup=False, emoji=False, highlight=False, soft_wrap=True)


out = console()
if not out.is_terminal:
    out = console(width=WIDE)
err = console(stderr=True)


def say(message: str) -> None:
    """A message for the person who watches; silent under --quiet."""
    if not err.quiet:
        err.print(message)


def warn(message: str) -> None:
    """A message that counts, also under --quiet."""
    quiet, err.quiet = err.quiet, False
    err.print(message)
    err.quiet = quiet


def print_json(value: Any) -> None:
    """One JSON document on stdout."""
    sys.stdout.write(json.dumps(value, indent=2, default=str) + "\n")


def table(title: str | None, *columns: str, right: tuple[str, ...] = ()) -> Table:
    """An empty table in the house style."""
    made = Table(title=title, title_justify="left", title_style="bold", header_style="bold", box=None, pad_edge=False)
    for column in columns:
        made.add_column(
            column,
            justify="right" if column in right else "left",
            no_wrap=not made.columns or column in right,
            overflow="fold",
        )
    return made


def hint(text: str) -> None:
    """What one may want to do next; silent under --quiet. Not for --json."""
    say(f"next: {text}")


def flag(*names: str, **settings: Any) -> Any:
    """An option without a value."""
    return typer.Option(*names, metavar="", **settings)


def _quiet(value: bool) -> bool:
    err.quiet = value or err.quiet
    return value


Quiet = Annotated[bool, flag("--quiet", "-q", help="Print results and errors only.", callback=_quiet)]
Json = Annotated[bool, flag("--json", help="Print JSON for scripts.")]
Device = Annotated[str, typer.Option("--device", help="auto, cpu, cuda or cuda:N.")]
Trust = Annotated[bool, flag("--trust", help="Run the code that the run's config names, whoever wrote it.")]
MemoryLimit = Annotated[
    str | None,
    typer.Option(
        metavar="AMOUNT",
        help="Refuse to begin where more memory would be needed, e.g. 4GiB. Default: what the machine or its container "
        "has available.",
    ),
]
Override = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Override a config key, e.g. encoder.dimension=128. Repeatable.",
        autocompletion=complete_key,
    ),
]
RunName = Annotated[
    str,
    typer.Option(
        "--run",
        metavar="RUN",
        help="Run id, unique prefix of one, run name, models:/NAME@ALIAS, or latest.",
        autocompletion=complete_run,
    ),
]
