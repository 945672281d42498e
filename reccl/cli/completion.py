"""Completion: what a shell offers for the word that is being typed. Quick, silent, and read-only."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from itertools import islice
from pathlib import Path

import typer

from reccl.bundle import available

MOST = 200
"""Suggestions that are given at most."""
YAML = (".yaml", ".yml")


def complete_config(incomplete: str) -> list[str]:
    """Names of configs, those of methods too, and YAML files here."""
    named = (name for name in sorted(available("configs", ".yaml")) if not name.startswith(("spaces/", "studies/")))
    return starting(incomplete, [*named, *files(incomplete)])


def complete_space(incomplete: str) -> list[str]:
    """Names of search spaces, and YAML files here."""
    named = (name.removeprefix("spaces/") for name in available("configs", ".yaml") if name.startswith("spaces/"))
    return starting(incomplete, [*sorted(named), *files(incomplete)])


def complete_study(incomplete: str) -> list[str]:
    """Names of studies, and YAML files here."""
    named = (name for name in sorted(available("configs", ".yaml")) if name.startswith("studies/"))
    return starting(incomplete, [*named, *files(incomplete)])


def complete_data(incomplete: str) -> list[str]:
    """Names of data sets."""
    from reccl.data.ingest.sources import SOURCES

    named = (name.removeprefix("data/") for name in available("configs", ".yaml") if name.startswith("data/"))
    return starting(incomplete, sorted({*named, *(source.name for source in SOURCES)}))


def complete_run(incomplete: str) -> list[tuple[str, str]]:
    """Names of runs and beginnings of their ids, newest first, each with a word about it."""
    with suppress(Exception):
        from reccl import tracking

        found = tracking.stored_runs() or []
        names = [(str(run.info.run_name), "the newest of this name") for run in found if run.info.run_name]
        ids = [(run.info.run_id[:8], f"{run.info.run_name}, {run.info.status.lower()}") for run in found]
        offered = dict([("latest", "the newest with a model"), *reversed(ids), *names])
        return [(word, about) for word, about in offered.items() if word.startswith(incomplete)][:MOST]
    return []


def complete_key(ctx: typer.Context, args: list[str], incomplete: str) -> list[str]:
    """Keys of the config that the command names, as `key=`; of a bundled one where it names none."""
    with suppress(Exception):
        from reccl import config

        words = [*args, *(str(value) for name, value in ctx.params.items() if name in ("config", "name") and value)]
        keys = None
        for name in words:
            with suppress(Exception):
                keys = config.flatten(config.load(name))
                break
        keys = keys or config.flatten(config.load("movielens"))
        return starting(incomplete, [f"{key}=" for key in keys])
    return []


def files(incomplete: str) -> Iterator[str]:
    """YAML files and folders whose path begins so."""
    folder = Path(incomplete).parent if not incomplete.endswith("/") else Path(incomplete)
    with suppress(OSError, ValueError):
        for path in sorted(folder.iterdir()):
            if path.suffix in YAML and path.is_file():
                yield str(path)
            elif path.is_dir() and not path.name.startswith("."):
                yield f"{path}/"


def starting(incomplete: str, words: Iterable[str]) -> list[str]:
    """The words that begin so, each once."""
    return list(islice((word for word in dict.fromkeys(words) if word.startswith(incomplete)), MOST))
