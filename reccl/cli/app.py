"""The command line: a table of contents. One file a command; heavy imports wait until a command runs."""

import os
import sys

import typer
from rich.text import Text

from reccl.cli import bench, cold, compare, config, data, evaluate, init, methods, recommend, runs, train, ui
from reccl.cli.console import err
from reccl.errors import RecclError
from reccl.openmp import POLICY
from reccl.version import __version__

app = typer.Typer(
    name="reccl",
    help="Recommenders by contrastive learning on user-item graphs.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command("init")(init.init)
app.command("train")(train.train)
app.command("recommend")(recommend.recommend)
app.command("evaluate")(evaluate.evaluate)
app.command("cold")(cold.cold)
app.command("methods")(methods.methods)
app.command("compare")(compare.compare)
app.command("runs")(runs.runs)
app.command("bench")(bench.bench)
app.command("ui")(ui.ui)
app.add_typer(config.app, name="config")
app.add_typer(data.app, name="data")


def _version(value: bool) -> None:
    if value:
        typer.echo(f"reccl {__version__}")
        raise typer.Exit


@app.callback()
def root(
    version: bool = typer.Option(False, "--version", help="Print the version.", callback=_version, is_eager=True),
) -> None:
    """Recommenders by contrastive learning on user-item graphs."""


def main() -> None:
    """Run the command line: a known failure is one line on stderr and exit code 1 (2 for config and usage)."""
    os.environ.setdefault(POLICY, "PASSIVE")  # see reccl.openmp
    try:
        app(prog_name="reccl")
    except RecclError as error:
        if "--debug" in sys.argv:
            raise
        err.quiet = False
        for line in str(error).splitlines():
            err.print(Text.assemble(("error:", "bold red"), f" {line}"))
        sys.exit(error.exit_code)
    except KeyboardInterrupt:
        sys.exit(130)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        sys.exit(1)
