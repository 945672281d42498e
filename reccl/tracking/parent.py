"""Parent: a run that others are children of: the bench, one config with several seeds, a tuning."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from statistics import mean, stdev
from typing import Any

from reccl.outcome import Outcome
from reccl.tracking.card import NOTE, command_line
from reccl.tracking.environment import commit, version_of
from reccl.tracking.headline import headline_metrics
from reccl.tracking.label import label_tags, name_run
from reccl.tracking.liveness import process_tags
from reccl.tracking.run import Run
from reccl.tracking.store import client, exists, experiment_id, store_errors
from reccl.tracking.tags import DEVIATION, KIND


@contextmanager
def parent_run(name: str, kind: str, tags: Mapping[str, str], reopen: str = "") -> Iterator[Run]:
    """Record a run without data and model; it ends FINISHED, KILLED by Ctrl-C or SIGTERM, or FAILED by an exception.

    `reopen` is the id of one that is gone on with, where the store still has it.
    """
    api = client()
    about = {"reccl.version": version_of("reccl"), KIND: kind, **process_tags(), **commit(), **tags}
    with store_errors():
        if reopen and exists(api, reopen):
            run = Run.reopen(reopen, api)
            api.update_run(run.id, "RUNNING")
            run.tags(about)
        else:
            run = Run(api.create_run(experiment_id(api), run_name=name, tags=about).info.run_id, api)
    status = "FAILED"
    try:
        yield run
        status = "FINISHED"
    except (KeyboardInterrupt, SystemExit):
        status = "KILLED"
        raise
    finally:
        with suppress(Exception):  # where the store is gone, the next command that reaches it does so
            if api.get_run(run.id).info.status == "RUNNING":
                api.set_terminated(run.id, status)


@contextmanager
def seeds_run(name: str, parameters: Mapping[str, Any], seeds: Sequence[int]) -> Iterator[Run]:
    """The parent of a config's runs with several seeds: its settings but the seed."""
    shown = f"{name_run(name, parameters)} ({len(seeds)} seeds)"
    tags = {**label_tags(parameters), "seeds": f"{seeds[0]} to {seeds[-1]}"}
    with parent_run(shown, "seeds", tags) as run:
        run.params({key: value for key, value in parameters.items() if key != "seed"})
        yield run


def record_means(parent: Run, outcomes: Sequence[Outcome]) -> None:
    """The headline metrics of the children: their means by the same names, and their deviations (n - 1)."""
    each = [headline_metrics(outcome) for outcome in outcomes]
    names = [name for name in each[0] if all(name in values for values in each)]
    means = {name: mean(values[name] for values in each) for name in names}
    several = {f"{name}{DEVIATION}": stdev(values[name] for values in each) for name in names} if each[1:] else {}
    parent.metrics({**means, **several, "seeds": len(each)})
    lines = [f"| {name} | {means[name]:.4f} | {several.get(f'{name}{DEVIATION}', 0.0):.4f} |" for name in names]
    table = ["| metric | mean | deviation |", "|---|---:|---:|", *lines]
    parent.tags({NOTE: "\n".join([*table, "", f"`{command_line()}`"])})
