"""`reccl compare`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_run
from reccl.cli.console import Json, Quiet, flag, hint, out, print_json, say, table
from reccl.errors import RunError, join_names

if TYPE_CHECKING:
    from collections.abc import Iterable

    from reccl.comparison import Comparison, Entry
    from reccl.tracking.find import AnyRun

EXAMPLES = (
    "reccl compare",
    "reccl compare movielens best --metric test/recall_at_20",
    "reccl compare sgl lightgcn --slices --who 10 --html report.html",
)
MOST = 10
"""Methods that are compared where no run is named."""


def compare(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="RUN...",
            help="Runs; of a name the newest finished one. None: the newest ten methods of the newest run's data.",
            autocompletion=complete_run,
        ),
    ] = None,
    metric: Annotated[str, typer.Option(help="Metric to rank by.")] = "test/ndcg_at_10",
    baseline: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="The run that the others are compared with; default: the worst.",
            autocompletion=complete_run,
        ),
    ] = None,
    slices: Annotated[bool, flag("--slices", help="Also the differences for groups of users and items.")] = False,
    everything: Annotated[bool, flag("--all", help="Also all other metrics and times.")] = False,
    any_data: Annotated[bool, flag("--any-data", help="Put runs of different data or splits side by side.")] = False,
    who: Annotated[
        int | None,
        typer.Option(metavar="N", min=1, help="Also the N users and N items that won and that lost most."),
    ] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Also write the report as one HTML file.")] = None,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Put runs side by side: headline metrics, differences with intervals, and what differs in their configs.

    Runs that are alike but for the seed are one method, with mean and deviation. Intervals are of a paired bootstrap
    over users, and over seeds where a method has several; p-values are adjusted for the number of comparisons (Holm).
    Runs on different test rows are refused. --who and --html name the users and items that gain and lose most between
    the best method and the baseline.
    """
    from reccl import comparison, tracking

    everyone = tracking.runs()
    measured = (
        run for run in everyone if tracking.has_model(run) and run.data.tags.get(tracking.KIND) != tracking.UPDATE
    )
    good = sorted(measured, key=lambda run: run.info.status != "FINISHED")
    wanted = [*(names or ()), *([baseline] if baseline else [])]
    chosen = [pick(name, everyone) for name in wanted] if names else newest(good)
    if baseline and not names:
        chosen.append(pick(baseline, everyone))
    if not chosen:
        raise RunError("no finished runs to compare: train one first, e.g. reccl train --config movielens.yaml")
    with_items = who is not None or html is not None
    entries = comparison.join_seeds([describe(run, metric, with_items) for run in with_seeds(chosen, good)])
    if not any_data:
        comparison.check_data(entries)
    base = next((each for each in entries if baseline and chosen[-1].info.run_id in (each.id, *each.runs)), None)
    shown = entries if names else [each for place, each in enumerate(entries) if place < MOST or each is base]
    compared = comparison.compare(shown, metric, base.id if base else "")
    if json:
        from reccl.cli.compare_who import as_json

        print_json(compared.as_json() | ({} if who is None else {"who": as_json(compared, who)}))
    else:
        show(compared, slices=slices, everything=everything)
    if who is not None and not json:
        from reccl.cli.compare_who import show_who

        show_who(compared, who)
    if html is not None:
        from reccl.cli.compare_html import LISTED, write_report

        write_report(compared, html, who or LISTED)
        say(f"report: {html}")
    if not json:
        hint(f"reccl recommend --run {compared.entries[0].id[:8]} --out recommendations.csv; reccl ui")


def pick(name: str, everyone: "list[AnyRun]") -> "AnyRun":
    """The run that a name means: of several the newest that is finished and has a model, else has a model."""
    from reccl import tracking
    from reccl.tracking.address import is_address

    if name == "latest" or is_address(name):
        return tracking.find(name, say)
    fitting = tracking.match(name, everyone)
    finished = (run for run in fitting if tracking.has_model(run) and run.info.status == "FINISHED")
    return next(finished, next((run for run in fitting if tracking.has_model(run)), fitting[0]))


def newest(good: "list[AnyRun]") -> "list[AnyRun]":
    """The newest runs of the data that the newest of all has; several may be one method."""
    same = [run for run in good if fingerprint(run) == fingerprint(good[0])]
    others, same = len(good) - len(same), same[: 5 * MOST]
    if others:
        say(f"note: {others} run{'s' * (others != 1)} of other data left out; name runs to compare those")
    return same


def with_seeds(chosen: "Iterable[AnyRun]", good: "list[AnyRun]") -> "list[AnyRun]":
    """The chosen runs, each before the finished ones of its name and data: what only differs in the seed joins it."""
    found: dict[str, AnyRun] = {}
    for run in chosen:
        found.setdefault(run.info.run_id, run)
        for other in good:
            name_and_data = other.info.run_name == run.info.run_name and fingerprint(other) == fingerprint(run)
            if name_and_data and other.info.status == "FINISHED" and alike(run, other):
                found.setdefault(other.info.run_id, other)
    return list(found.values())


def alike(run: "AnyRun", other: "AnyRun") -> bool:
    """Whether two runs differ in the seed alone."""
    from reccl.comparison import SEEDS

    one, two = ({key: value for key, value in each.data.params.items() if key not in SEEDS} for each in (run, other))
    return one == two


def fingerprint(run: "AnyRun") -> str:
    """The hash of a run's data."""
    return str(run.data.tags.get("reccl.fingerprint", ""))


def describe(run: "AnyRun", metric: str, with_items: bool) -> "Entry":
    """A run as it is compared, with the hits of its items where those are asked for."""
    from reccl import tracking
    from reccl.comparison import Entry

    per_user = tracking.per_user_of(run) if metric.startswith("test/") else None
    about = run.info.run_id, str(run.info.run_name or "-"), str(run.info.status)
    tables = () if per_user is None else (per_user,)
    split = str(run.data.tags.get(tracking.SPLIT_TEST, ""))
    items = (tracking.item_hits_of(run),) if with_items else ()
    return Entry(*about, run.data.params, tracking.metrics_of(run), fingerprint(run), tables, items, split=split)


def show(compared: "Comparison", *, slices: bool, everything: bool) -> None:
    """The tables, 100 columns wide."""
    entries = compared.entries
    numbers = {entry.id: str(place) for place, entry in enumerate(entries, 1)}
    shown = compared.headline()
    heads = [name.removeprefix("test/").replace("_at_", "@") for name in shown]
    title = f"{len(entries)} method{'s' * (len(entries) != 1)} by {compared.metric}"
    made = table(title, "#", "name", "run", "seeds", *heads, "train s", right=("seeds", *heads, "train s"))
    for entry in entries:
        cells = (write_mean(entry, name) for name in shown)
        seconds = entry.metrics.get("time/train_seconds")
        seeds = str(len(entry.seeds) or 1)
        made.add_row(numbers[entry.id], entry.name, entry.id[:8], seeds, *cells, round_value("time/", seconds))
    out.print(made)
    show_differences(compared, numbers)
    show_published(compared)
    if slices:
        show_slices(compared, numbers)
    if choices := compared.choices():
        made = table("what differs", "key", "value (#)")
        for key, values in choices.items():
            by_value: dict[str, list[str]] = {}
            for entry, value in zip(entries, values, strict=True):
                by_value.setdefault(value, []).append(numbers[entry.id])
            made.add_row(key, "; ".join(f"{value} ({', '.join(places)})" for value, places in by_value.items()))
        out.print()
        out.print(made)
    if everything:
        heads = [f"#{numbers[entry.id]}" for entry in entries]
        made = table("all metrics", "metric", *heads, right=tuple(heads))
        for name in compared.metrics():
            made.add_row(name, *(round_value(name, entry.metrics.get(name)) for entry in entries))
        out.print()
        out.print(made)


def show_differences(compared: "Comparison", numbers: dict[str, str]) -> None:
    """How far every run is from the baseline."""
    from reccl.evaluation.bootstrap import LEVEL

    base = compared.base()
    if base is None or len(compared.entries) < 2:
        return
    found = {entry.id: (made, p) for entry, made, p in compared.differences()}
    right = ("difference", f"{LEVEL:.0%} interval", "p (Holm)", "effect", "better", "worse")
    made = table(f"{compared.metric} against #{numbers[base.id]} {base.name}", "#", "name", *right, right=right)
    for entry in compared.entries:
        if entry is base:
            continue
        delta = compared.delta(entry)
        cells = ["-" if delta is None else f"{delta:+.1%}", *["-"] * 5]
        if entry.id in found:
            one, p = found[entry.id]
            cells[1:] = [f"{one.low:+.1%} to {one.high:+.1%}", f"{p:.3f}" if p >= 0.001 else "< .001"]
            cells[3:] = [f"{one.effect:+.2f}", f"{one.better:.0%}", f"{one.worse:.0%}"]
        made.add_row(numbers[entry.id], entry.name, *cells)
    out.print()
    out.print(made)
    if found:
        users = join_names({f"{one.users:,}" for one, _ in found.values()})
        few = any(one.seeds < 2 for one, _ in found.values())
        seeds = "one seed each, so that other seeds may differ by more" if few else "and over seeds"
        out.print(f"paired by user over {users} users, {seeds}")
        out.print("better, worse: the share of users with a higher, a lower value")
    else:
        out.print("no interval: these runs have no users' values on the same test rows in common")


def show_published(compared: "Comparison") -> None:
    """What others report for the very split of these runs; nothing where it is no published one."""
    from reccl.published import find_published

    figures, split = compared.published(), find_published(compared.entries[0].split)
    if not figures or split is None:
        return
    heads = (f"ndcg@{split.k}", f"recall@{split.k}")
    made = table(f"published for this split: {split.about}", "method", *heads, "protocol", "source", right=heads)
    for figure in figures:
        made.add_row(figure.method, f"{figure.ndcg:.4f}", f"{figure.recall:.4f}", figure.protocol, figure.source)
    out.print()
    out.print(made)


def show_slices(compared: "Comparison", numbers: dict[str, str]) -> None:
    """The differences for groups, where they lie: intervals as for all users, without adjustment."""
    made = table("by slice", "slice", "#", "users", "difference", "95% interval", "better", "worse",
                 right=("users", "difference", "95% interval", "better", "worse"))  # fmt: skip
    for metric in compared.slices():
        for entry in compared.entries:
            if one := compared.difference(entry, metric):
                made.add_row(
                    metric.split("/")[1],
                    numbers[entry.id],
                    f"{one.users:,}",
                    f"{one.relative:+.1%}",
                    f"{one.low:+.1%} to {one.high:+.1%}",
                    f"{one.better:.0%}",
                    f"{one.worse:.0%}",
                )
    out.print()
    out.print(made)


def write_mean(entry: "Entry", name: str) -> str:
    """A metric, with its deviation over seeds where there are several."""
    value, deviation = entry.metrics.get(name), entry.deviations.get(name)
    return round_value(name, value) + ("" if deviation is None else f" ± {deviation:.4f}".replace("0.", ".", 1))


def round_value(name: str, value: float | None) -> str:
    """A metric with four places, seconds and sizes with two, large numbers whole."""
    if value is None:
        return "-"
    if not name.startswith("time/"):
        return f"{value:.4f}"
    return f"{value:,.0f}" if value >= 1000 else f"{value:.2f}"
