"""`reccl sync`."""

from pathlib import Path
from typing import Annotated

import typer

from reccl.cli.commands import report
from reccl.cli.console import Quiet, out
from reccl.errors import RecclError

EXAMPLES = ("reccl sync", "reccl sync reccl-unrecorded/movielens-1a2b3c4d")


def sync(
    folders: Annotated[
        list[Path] | None, typer.Argument(metavar="[FOLDER]...", help="Folders of results; none: all that wait here.")
    ] = None,
    quiet: Quiet = False,
) -> None:
    """Record results that the run store could not take when training ended.

    `reccl train` leaves them in ./reccl-unrecorded, where a server is gone or a disk is full. What is recorded is
    removed there.
    """
    from reccl import tracking

    failed = False
    waiting = folders or tracking.find_unrecorded()
    for folder in waiting:
        try:
            out.print(f"{folder} -> run {tracking.sync(folder)}")
        except RecclError as error:
            failed = True
            report(error, debug=False)
    if not waiting:
        out.print("nothing waits to be recorded")
    if failed:
        raise typer.Exit(1)
