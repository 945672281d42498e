"""`reccl methods`."""

from pathlib import Path

from reccl.bundle import available
from reccl.cli.config import headline
from reccl.cli.console import Json, Quiet, hint, out, print_json, table

EXAMPLES = ("reccl methods", "reccl train --config methods/simgcl.yaml --set data=gowalla")
FOLDER = "methods/"
PAPER = "Paper:"
WIDE_ENOUGH = 180
"""Columns from which on papers stand beside what they are about."""


def methods(json: Json = False, quiet: Quiet = False) -> None:
    """List the methods of the field that come as configs, with their papers; each runs on any data set."""
    configs = available("configs", ".yaml")
    found = {name: head(path) for name, path in sorted(configs.items()) if name.startswith(FOLDER)}
    if json:
        print_json([{"config": name, "about": about, "paper": paper} for name, (about, paper) in found.items()])
        return
    beside = out.width >= WIDE_ENOUGH
    made = table(None, "config", "about", *(["paper"] if beside else []))
    for name, (about, paper) in found.items():
        made.add_row(name, *((about, paper) if beside else (f"{about}\n{paper}",)))
    out.print(made)
    hint("reccl train --config methods/simgcl.yaml --set data=gowalla")


def head(path: Path) -> tuple[str, str]:
    """The first sentence of a config, and the comment that names its paper."""
    comments = [line.lstrip("# ").strip() for line in path.read_text().splitlines() if line.startswith("#")]
    papers = (line.removeprefix(PAPER).strip() for line in comments if line.startswith(PAPER))
    return headline(path), next(papers, "")
