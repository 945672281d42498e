"""Racing: commands that begin at the same moment, each in a process of its own, forked from one that has imported all.

Imports take seconds, and would keep the commands apart.
"""

import multiprocessing
import os
import sys
from dataclasses import dataclass
from pathlib import Path

import mlflow.pyfunc  # noqa: F401  imported once for all that race

import reccl.config
import reccl.experiment
import reccl.progress
import reccl.recommend
import reccl.tracking  # noqa: F401
from reccl.cli.app import main


@dataclass(frozen=True)
class Command:
    """A command in a folder; what it says goes to a file there."""

    words: tuple[str, ...]
    folder: Path
    said: str
    environment: dict[str, str]
    until_done: bool = False
    """Begun anew where it ends with exit code 1, as by cron; each time's words are added to the file."""


def race(commands: list[Command]) -> list[int]:
    """Run them all at once: their exit codes."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([__name__])
    processes = [context.Process(target=work, args=(command,)) for command in commands]
    for process in processes:
        process.start()
    for process in processes:
        process.join(300)
        process.kill()
        process.join()
    return [process.exitcode or 0 for process in processes]


def work(command: Command) -> None:
    """What a process does; for a command that is begun anew, once more in another process each time."""
    os.chdir(command.folder)
    os.environ.update(command.environment)
    output = os.open(command.said, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o644)
    os.dup2(output, 1)
    os.dup2(output, 2)
    sys.argv = ["reccl", *command.words]
    while command.until_done and (child := os.fork()):
        code = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        if code != 1:
            os._exit(code)
    main()
