"""`reccl config list | show | copy`."""

import re
import shlex
import shutil
from itertools import takewhile
from pathlib import Path
from typing import Annotated

import typer

from reccl.bundle import available, find
from reccl.cli.commands import command
from reccl.cli.completion import complete_config
from reccl.cli.console import Json, Override, Quiet, flag, hint, out, print_json, say, table
from reccl.errors import ConfigError, did_you_mean

app = typer.Typer(help="Configs: list, show, copy.", no_args_is_help=True)
Name = Annotated[str, typer.Argument(help="A name of reccl config list, or a path.", autocompletion=complete_config)]


@command(app, "list", "reccl config list")
def show_all(json: Json = False, quiet: Quiet = False) -> None:
    """List the configs of ./configs and those that came with reccl."""
    found = {name: (path, headline(path)) for name, path in available("configs", ".yaml").items()}
    if json:
        print_json([{"name": name, "path": path, "about": about} for name, (path, about) in found.items()])
        return
    made = table(None, "config", "about")
    for name, (_, about) in sorted(found.items()):
        made.add_row(name, about)
    out.print(made)
    hint("reccl config show NAME; reccl train --config NAME")


@command(app, "show", "reccl config show best.yaml", "reccl config show movielens --set encoder.dimension=64")
def show(name: Name, overrides: Override = None) -> None:
    """Print a config as it is understood, with every default."""
    from reccl import config
    from reccl.data.ingest.pipelines import find_shadow

    experiment = config.load(name, overrides or ())
    if shadow := find_shadow(name := experiment.data.pipeline):
        say(f"note: pipeline {name} is the one that came with reccl; to use yours, write ./{shadow}")
    out.print(config.dump(experiment), end="")


@command(app, "copy", "reccl config copy movielens", "reccl config copy best my-shop.yaml")
def copy(
    name: Name,
    target: Annotated[Path | None, typer.Argument(help="File to write; default ./configs/NAME.yaml.")] = None,
    force: Annotated[bool, flag("--force", help="Replace an existing file.")] = False,
    quiet: Quiet = False,
) -> None:
    """Copy a config to change it."""
    path, _ = find(name, "configs", ".yaml")
    if path is None:
        known = available("configs", ".yaml")
        raise ConfigError(f"no config {name!r}{did_you_mean(name, known)}; see reccl config list")
    target = target or Path("configs") / path.name
    if target.exists() and not force:
        raise ConfigError(f"{target} exists; give another name, or --force")
    if target.exists() and target.samefile(path):
        raise ConfigError(f"{target} is that config itself; give another name")
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, target)
    except OSError as error:
        raise ConfigError(f"cannot write {target}: {error.strerror}") from None
    out.print(f"{path} -> {target}")
    word = shlex.quote(str(target))
    uses = {"spaces": f"reccl tune --config CONFIG --space {word}", "studies": f"reccl study --config {word}"}
    hint(uses.get(path.parent.name, f"reccl train --config {word}"))


def headline(path: Path) -> str:
    """The first sentence of a config: what it is. It may go on for lines, up to the command that runs it."""
    lines = path.read_text(errors="replace").splitlines()
    comments = takewhile(lambda line: line.startswith("#") and not line.startswith("# reccl "), lines)
    return re.split(r"(?<=\.)\s(?=[A-Z])", " ".join(line.lstrip("# ").strip() for line in comments), maxsplit=1)[0]


@command(app, "reference", "reccl config reference > reference.md")
def reference() -> None:
    """Print every key of every part with type, default and meaning, as Markdown."""
    from reccl.reference import reference as written

    out.print(written(), end="")
