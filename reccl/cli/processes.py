"""Processes: `reccl train` as several of them, by --workers or torchrun."""

import os
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING

from reccl.cli.console import err, warn
from reccl.errors import ConfigError
from reccl.signals import Termination, end_as_rank

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.distributed import Group

WORKERS = "--workers"


def launch_workers(given: "Experiment | None", workers: int) -> int:
    """Run this command once more by so many processes, and wait for them; the exit code.

    Raises ConfigError, before anything is started, for a config that several processes cannot train, and ProcessError
    where one of them fails.
    """
    from reccl.distributed import is_rank
    from reccl.distributed.launch import launch
    from reccl.processes import check_processes

    if is_rank():
        raise ConfigError(f"torchrun has started this process as one of several already: leave out {WORKERS}")
    if given:
        check_processes(given, workers)
    try:
        launch(workers, ["-m", "reccl", *without_workers(sys.argv[1:])])
    except Termination as ended:
        warn(f"stopped: all {workers} processes have ended")
        return int(ended.code or 0)
    return 0


def without_workers(words: list[str]) -> list[str]:
    """The arguments of a command without --workers N.

    >>> without_workers(["train", "--workers", "2", "-c", "best.yaml"]), without_workers(["train", "--workers=2"])
    (['train', '-c', 'best.yaml'], ['train'])
    """
    return [
        word
        for place, word in enumerate(words)
        if word != WORKERS and not word.startswith(f"{WORKERS}=") and (not place or words[place - 1] != WORKERS)
    ]


@contextmanager
def joined(device: str) -> Iterator[tuple["Group", str]]:
    """The group of processes that this one is of, and the name of its device, until the block ends.

    Then a rank that does not lead has nothing left to do, and ends at once: threads of libraries that are torn down
    with the interpreter have aborted it now and then, by which the launcher took the whole training for failed.
    """
    from reccl.distributed import ALONE, is_rank, join, own_device

    if not is_rank():
        yield ALONE, device
        return
    from reccl.training.device import resolve_device

    end_as_rank(leads=os.environ["RANK"] == "0")
    device = own_device(device)
    with join(resolve_device(device)) as group:
        err.quiet = err.quiet or not group.leads
        yield group, device
    if not group.leads:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(0)


def help_train(
    given: "Experiment | None",
    group: "Group",
    device: str,
    seeds: int,
    overrides: "Sequence[str]",
    memory_limit: int | None = None,
    *,
    resplit: bool,
    trust: bool,
) -> None:
    """What `reccl train` does on every rank but the first, which says what run it resumes."""
    from reccl import config as configs
    from reccl import tracking
    from reccl.cli.train import split_anew
    from reccl.processes import help_run
    from reccl.training.device import resolve_device

    unfinished, experiment, data = group.share(None), given, None
    if unfinished is not None:
        experiment = configs.loads(tracking.config_of(unfinished), overrides, trust=trust)
        data = tracking.data_of(unfinished, experiment.data)
    assert experiment is not None
    for seed in range(experiment.seed, experiment.seed + seeds):
        seeded = split_anew(experiment, seed) if resplit else experiment.model_copy(update={"seed": seed})
        help_run(seeded, data, resolve_device(device), group, memory_limit)
