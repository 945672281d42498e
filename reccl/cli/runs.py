"""`reccl runs`."""

import re
from collections import Counter
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from itertools import islice
from pathlib import PurePath
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Json, Quiet, hint, out, print_json, table

if TYPE_CHECKING:
    from reccl.tracking.find import AnyRun

EXAMPLES = ("reccl runs", "reccl runs --metric test/recall_at_50 --limit 5", "reccl runs --json")


def runs(
    limit: Annotated[int, typer.Option(min=1, help="Newest runs to list.")] = 20,
    metric: Annotated[
        list[str] | None,
        typer.Option(metavar="NAME", help="A metric to show, in place of NDCG and recall on test. Repeatable."),
    ] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List recorded runs, newest first; trials of reccl tune are left out, which reccl ui shows below their study."""
    from reccl import tracking

    every = (run for run in tracking.runs() if run.data.tags.get(tracking.KIND) != tracking.TRIAL)
    found = list(islice(every, limit))
    if json:
        print_json(
            [
                {
                    "id": run.info.run_id,
                    "name": name_of(run),
                    "status": run.info.status,
                    "data": data_of(run),
                    "started": datetime.fromtimestamp(run.info.start_time / 1000).isoformat(timespec="seconds"),
                    "resumable": tracking.has_checkpoint(run.info.run_id),
                    "metrics": {
                        name: value
                        for name, value in run.data.metrics.items()
                        if name.startswith("test/") or name in (metric or ())
                    },
                }
                for run in found
            ]
        )
        return
    if not found:
        out.print("no runs yet")
        hint("reccl train --config movielens.yaml")
        return
    shown = metric or choose_metrics(run.data.metrics for run in found)
    heads = [name.removeprefix("test/").replace("_at_", "@") for name in shown]
    made = table(None, "run", "name", "age", "status", "data", *heads, "seconds", right=("age", *heads, "seconds"))
    for run in found:
        metrics = run.data.metrics
        seconds = metrics.get("time/train_seconds")
        made.add_row(
            run.info.run_id[:8],
            name_of(run),
            age(datetime.now(UTC).timestamp() - run.info.start_time / 1000),
            run.info.status,
            data_of(run),
            *("-" if (value := metrics.get(name)) is None else f"{value:.4f}" for name in shown),
            "-" if seconds is None else f"{seconds:.1f}",
        )
    out.print(made)
    if with_model := next((run for run in found if tracking.has_model(run)), None):
        hint(f"reccl recommend --run {with_model.info.run_id[:8]} --out recommendations.csv; reccl compare")
    if unfinished := next((run for run in found if tracking.has_checkpoint(run.info.run_id)), None):
        hint(f"reccl train --resume {unfinished.info.run_id[:8]}")


def choose_metrics(recorded: "Iterable[Mapping[str, float]]") -> list[str]:
    """NDCG and recall on test, each at the cutoff that most of the runs have; 10 and 20 where nothing is measured."""
    names = Counter(name for metrics in recorded for name in metrics)
    chosen = []
    for usual in ("test/ndcg_at_10", "test/recall_at_20"):
        kind = re.compile(re.escape(usual.rpartition("_")[0]) + r"_\d+")
        there = [name for name in names if kind.fullmatch(name)]
        chosen.append(max(there, key=lambda name: (names[name], name == usual, name), default=usual))
    return chosen


def name_of(run: "AnyRun") -> str:
    """What a run is called; - where nobody named it."""
    return run.info.run_name or run.data.tags.get("reccl.name") or "-"


def data_of(run: "AnyRun") -> str:
    """What a run was trained on: a data set by name, a file without its ending, or the pipeline that read it."""
    if named := run.data.tags.get("data"):
        return str(named)
    values = (run.data.params.get(f"data.{key}", "None") for key in ("source", "interactions", "pipeline"))
    return next((PurePath(name).stem or name for name in values if name not in ("None", "")), "-")


def age(seconds: float) -> str:
    """How long ago, in the largest unit that there is at least one of.

    >>> age(5), age(125), age(7 * 3600), age(3 * 86400 + 5)
    ('5 s', '2 min', '7 h', '3 d')
    """
    for unit, length in (("d", 86400), ("h", 3600), ("min", 60)):
        if seconds >= length:
            return f"{int(seconds // length)} {unit}"
    return f"{max(0, int(seconds))} s"
