"""`reccl runs`."""

from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Json, Quiet, hint, out, print_json, table

if TYPE_CHECKING:
    from collections.abc import Mapping

EXAMPLES = ("reccl runs", "reccl runs --limit 5 --json")


def runs(
    limit: Annotated[int, typer.Option(min=1, help="Newest runs to list.")] = 20,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """List recorded runs, newest first."""
    from reccl import tracking

    found = tracking.runs()[:limit]
    if json:
        print_json(
            [
                {
                    "id": run.info.run_id,
                    "name": run.info.run_name,
                    "status": run.info.status,
                    "started": datetime.fromtimestamp(run.info.start_time / 1000).isoformat(timespec="seconds"),
                    "resumable": tracking.has_checkpoint(run.info.run_id),
                    "metrics": {name: value for name, value in run.data.metrics.items() if name.startswith("test/")},
                }
                for run in found
            ]
        )
        return
    if not found:
        out.print("no runs yet")
        hint("reccl train --config movielens.yaml")
        return
    right = ("ndcg@10", "recall@20", "seconds")
    made = table(None, "run", "name", "started", "status", "data", *right, right=right)
    for run in found:
        metrics = run.data.metrics
        shown = [metrics.get("test/ndcg_at_10"), metrics.get("test/recall_at_20")]
        seconds = metrics.get("time/train_seconds")
        made.add_row(
            run.info.run_id[:8],
            run.info.run_name,
            datetime.fromtimestamp(run.info.start_time / 1000).isoformat(" ", "seconds"),
            run.info.status,
            data_of(run.data.params),
            *("-" if value is None else f"{value:.4f}" for value in shown),
            "-" if seconds is None else f"{seconds:.1f}",
        )
    out.print(made)
    if with_model := next((run for run in found if tracking.has_model(run)), None):
        hint(f"reccl recommend --run {with_model.info.run_id[:8]} --out recommendations.csv; reccl compare")
    if unfinished := next((run for run in found if tracking.has_checkpoint(run.info.run_id)), None):
        hint(f"reccl train --resume {unfinished.info.run_id[:8]}")


def data_of(parameters: "Mapping[str, str]") -> str:
    """What a run was trained on: a data set by name, a file, or the pipeline that read it."""
    named = (parameters.get(f"data.{key}", "None") for key in ("source", "interactions", "pipeline"))
    return next((name for name in named if name != "None"), "-")
