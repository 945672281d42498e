"""`reccl data list | fetch`."""

from pathlib import Path
from typing import Annotated

import typer

from reccl.cli.console import Debug, Json, Quiet, out, print_json, say, table

app = typer.Typer(help="Named data sets: list, fetch.", no_args_is_help=True)


@app.command("list")
def show_all(json: Json = False, debug: Debug = False) -> None:
    """List the data sets that can be fetched by name."""
    from reccl.data.sources import sources

    if json:
        print_json(
            [{"name": each.name, "title": each.title, "page": each.page, "licence": each.licence} for each in sources()]
        )
        return
    sizes = ("users", "items", "interactions")
    made = table(None, "name", "what", *sizes, "licence", right=sizes)
    for each in sources():
        made.add_row(
            each.name, each.title, f"{each.users:,}", f"{each.items:,}", f"{each.interactions:,}", each.licence
        )
    out.print(made)


@app.command("fetch")
def fetch(
    name: Annotated[str, typer.Argument(help="A name of reccl data list.")],
    root: Annotated[Path | None, typer.Option(help="Folder that holds data sets by name; looked into first.")] = None,
    quiet: Quiet = False,
    debug: Debug = False,
) -> None:
    """Make a named data set available, and print where it is."""
    from reccl.data.acquire import acquire

    out.print(str(acquire(name, root=root, say=say)), markup=False)
