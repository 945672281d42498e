"""`reccl cold`."""

from pathlib import Path
from re import fullmatch
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.console import Device, Json, Quiet, RunName, Trust, hint, out, print_json, say, table
from reccl.cli.evaluate import reopen, show
from reccl.errors import ConfigError, RunError

if TYPE_CHECKING:
    import polars as pl

    from reccl.evaluation import EvaluationResult
    from reccl.few_shot import Curve

TABLE, BASELINE = "k_shot.csv", "popularity"
EXAMPLES = ("reccl cold", "reccl cold --run latest --shots 0,1,5,20")


def cold(
    run: RunName = "latest",
    shots: Annotated[str, typer.Option(help="How many interactions a cold user or item is given.")] = "0,1,3,5,10",
    seed: Annotated[int, typer.Option(help="Seed of the choice of interactions that are given.")] = 42,
    device: Device = "auto",
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """How a recorded model fares with cold users and items, now and after their first interactions.

    NDCG and recall after k interactions (k_shot/...), all metrics as a table (k_shot.csv), and two plots are added to
    the run.
    """
    numbers = parse_shots(shots)
    from reccl.few_shot import few_shot_curves
    from reccl.fitting import measure_part

    found = reopen(run, "test", device, trust)
    evaluation = found.experiment.evaluation
    now = measure_part(found.model.ranker, found.data, "test", found.experiment)
    if not now:
        raise RunError(f"run {found.id} has no test rows")
    curves: dict[str, Curve] = {}
    try:
        curves = few_shot_curves(found.model, found.data, evaluation, shots=numbers, seed=seed, log=say)
    except RunError as error:
        say(f"no curve: {error}")
    k, chosen_by = max(evaluation.cutoffs), found.experiment.training.metric
    record(found.id, f"{found.name} {found.id[:8]}", now, curves, k, chosen_by)
    if json:
        print_json({"run": found.id, "groups": now.group_means(), "k_shot": curves})
        return
    show(f"{found.name} on test", now)
    names = [name for name in now.per_user if name.startswith(("recall", "ndcg"))]
    for name, curve in curves.items():
        title = name.replace("_popularity", ", by popularity").replace("_", " ")
        made = table(f"{title}, after k interactions", "k", *names, right=("k", *names))
        for number, means in curve.items():
            made.add_row(str(number), *(f"{means[metric]:.4f}" for metric in names))
        out.print()
        out.print(made)
    written = ["k_shot/...", "k_shot.csv", "plots/k_shot.png"] if curves else []
    say(f"recorded in run {found.id}: {', '.join([*written, 'plots/groups.png'])}")
    hint(f"reccl ui shows {'the curves and ' if curves else ''}the plots")


def parse_shots(shots: str) -> list[int]:
    """`0,1,3` as ascending numbers. Raises ConfigError for anything else."""
    words = [word.strip() for word in shots.split(",")]
    if not all(fullmatch("[0-9]{1,9}", word) for word in words) or not any(int(word) for word in words):
        raise ConfigError(f"--shots {shots[:40]!r}: write whole numbers with commas, e.g. --shots 0,1,3,5,10")
    return sorted({int(word) for word in words})


def tabulate(curves: "dict[str, Curve]") -> "pl.DataFrame":
    """A row a point of a curve: group, what ranked it, interactions given, and every metric."""
    import polars as pl

    names = [(name.removesuffix(f"_{BASELINE}"), name.endswith(BASELINE), curve) for name, curve in curves.items()]
    return pl.DataFrame(
        {"group": group, "ranked_by": BASELINE if baseline else "model", "interactions": number, **means}
        for group, baseline, curve in names
        for number, means in curve.items()
    )


def record(
    run: str, title: str, now: "EvaluationResult", curves: "dict[str, Curve]", k: int, chosen_by: str = ""
) -> None:
    """Add the curves of the longest lists, all of them as a table, and the plots to the run."""
    from reccl import tracking
    from reccl.evaluation import plots
    from reccl.tracking.headline import select_main

    recorded = tracking.Run(run, tracking.client())
    for name, curve in curves.items():
        for number, means in curve.items():
            longest = [metric for metric in means if metric.endswith(f"_at_{k}")]
            shown = {f"k_shot/{name}/{metric}": means[metric] for metric in select_main(longest, chosen_by)}
            recorded.metrics(shown, step=number)
    if curves:
        recorded.text(TABLE, tabulate(curves).write_csv())
    groups = {"all": {name: value for name, value in now.means().items() if "/" not in name}, **now.group_means()}
    with TemporaryDirectory() as draft:
        drawn = Path(draft) / "k_shot.png", Path(draft) / "groups.png"
        readable = {name.replace("_popularity", ", by popularity").replace("_", " "): of for name, of in curves.items()}
        if curves:
            plots.plot_curves(f"{title}: test, after k interactions", readable, f"ndcg_at_{k}", drawn[0])
        plots.plot_groups(f"{title}: test", groups, (f"recall_at_{k}", f"ndcg_at_{k}"), drawn[1])
        for path in (path for path in drawn if path.exists()):
            recorded.file(path, "plots")
