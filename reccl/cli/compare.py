"""`reccl compare`."""

from typing import Annotated

import typer

from reccl.cli.console import Json, Quiet, hint, out, print_json, say, table
from reccl.errors import RunError

EXAMPLES = (
    "reccl compare",
    "reccl compare movielens best --metric test/recall_at_20",
)


def compare(
    names: Annotated[
        list[str] | None, typer.Argument(metavar="RUN...", help="Runs; none: the newest ten with a model.")
    ] = None,
    metric: Annotated[str, typer.Option(help="Metric to rank by.")] = "test/ndcg_at_10",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put runs side by side: what differs in their configs, metrics, differences and times."""
    from reccl import comparison, tracking
    from reccl.evaluation.paired import LEVEL

    found = (
        [tracking.find(name, say) for name in names]
        if names
        else [run for run in tracking.runs() if tracking.has_model(run)][:10]
    )
    found = list({run.info.run_id: run for run in found}.values())
    if not found:
        raise RunError("no finished runs to compare: train one first, e.g. reccl train --config movielens.yaml")
    entries = [
        comparison.Entry(
            run.info.run_id,
            str(run.info.run_name),
            str(run.info.status),
            run.data.params,
            tracking.metrics_of(run),
            run.data.tags.get("reccl.fingerprint", ""),
            comparison.values_in(tracking.per_user_of(run), metric),
        )
        for run in found
    ]
    compared = comparison.compare(entries, metric)
    if json:
        print_json(compared.as_json())
        return
    heads = [f"{entry.name}\n{entry.id[:8]}" for entry in compared.entries]
    made = table(f"{len(entries)} run{'s' * (len(entries) != 1)} by {metric}", "", *heads, right=tuple(heads))
    for name in compared.shown():
        values = (entry.metrics.get(name) for entry in compared.entries)
        made.add_row(
            name,
            *(round_value(name, value) for value in values),
            style="bold" if name == metric else None,
        )
    deltas = (compared.delta(entry) for entry in compared.entries)
    made.add_row(f"{metric} vs worst", *("-" if delta is None else f"{delta:+.1%}" for delta in deltas))
    intervals = [compared.interval(entry) for entry in compared.entries]
    if any(intervals):
        ranges = ("-" if one is None else f"{one.low:+.1%} to {one.high:+.1%}" for one in intervals)
        made.add_row(f"{LEVEL:.0%} interval, paired by user", *ranges)
        made.add_row("users", *("-" if one is None else f"{one.users:,}" for one in intervals))
    made.add_section()
    for key, chosen in compared.choices().items():
        made.add_row(key, *chosen, style="dim")
    out.print(made)
    hint(f"reccl recommend --run {compared.entries[0].id[:8]} --out recommendations.csv; reccl ui")


def round_value(name: str, value: float | None) -> str:
    """A metric with four places, seconds and sizes with two, large numbers whole."""
    if value is None:
        return "-"
    if not name.startswith("time/"):
        return f"{value:.4f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
