"""The command line: a table of contents. One file a command; heavy imports wait until a command runs."""

import os
import sys
from contextlib import suppress
from io import TextIOWrapper
from typing import Annotated

import typer

from reccl.cli import (
    audit,
    bench,
    cold,
    compare,
    config,
    data,
    evaluate,
    explain,
    export,
    init,
    methods,
    promote,
    recommend,
    reproduce,
    runs,
    similar,
    study,
    sync,
    train,
    tune,
    ui,
    update,
)
from reccl.cli.commands import DEBUG, Commands, command, report
from reccl.cli.console import flag
from reccl.openmp import POLICY
from reccl.signals import end_on_signals, exit_undisturbed
from reccl.version import __version__

START = """\
Start with public data, or with your own:
reccl train --config movielens.yaml
reccl init orders.csv
"""
app = typer.Typer(
    name="reccl",
    cls=Commands,
    help="Recommenders by contrastive learning on user-item graphs.",
    epilog=START,
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
command(app, "init", *init.EXAMPLES)(init.init)
command(app, "train", *train.EXAMPLES)(train.train)
command(app, "tune", *tune.EXAMPLES)(tune.tune)
command(app, "recommend", *recommend.EXAMPLES)(recommend.recommend)
command(app, "similar", *similar.EXAMPLES)(similar.similar)
command(app, "explain", *explain.EXAMPLES)(explain.explain)
command(app, "export", *export.EXAMPLES)(export.export)
command(app, "evaluate", *evaluate.EXAMPLES)(evaluate.evaluate)
command(app, "cold", *cold.EXAMPLES)(cold.cold)
command(app, "audit", *audit.EXAMPLES)(audit.audit)
command(app, "methods", *methods.EXAMPLES)(methods.methods)
command(app, "compare", *compare.EXAMPLES)(compare.compare)
command(app, "study", *study.EXAMPLES)(study.study)
command(app, "promote", *promote.EXAMPLES)(promote.promote)
command(app, "reproduce", *reproduce.EXAMPLES)(reproduce.reproduce)
command(app, "update", *update.EXAMPLES)(update.update)
command(app, "runs", *runs.EXAMPLES)(runs.runs)
command(app, "sync", *sync.EXAMPLES)(sync.sync)
command(app, "bench", *bench.EXAMPLES)(bench.bench)
command(app, "ui", *ui.EXAMPLES)(ui.ui)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"reccl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: Annotated[bool, flag("--version", help="Print the version.", callback=_version, is_eager=True)] = False,
    debug: Annotated[bool, flag(DEBUG, help="Show the whole traceback of an error; also after a command.")] = False,
) -> None:
    """Recommenders by contrastive learning on user-item graphs."""


def main() -> None:
    """Run the command line: a known failure is one line on stderr and exit code 1 (2 for config and usage)."""
    os.environ.setdefault(POLICY, "PASSIVE")  # see reccl.openmp
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a terminal that knows ASCII alone gets \\xe9 for é
    end_on_signals()
    try:
        try:
            app(prog_name="reccl")
        finally:
            exit_undisturbed()
            if sys.stdout is not None:
                sys.stdout.flush()
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        drop_output()
        sys.exit(1)
    except Exception as error:  # outside of any command: while options are read, or when the last line is written
        drop_output()
        sys.exit(report(error, debug=DEBUG in sys.argv))


def drop_output() -> None:
    """Let what is left to print go nowhere, so that the end of the process does not try again."""
    with suppress(OSError, ValueError, AttributeError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
