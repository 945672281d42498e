"""`reccl tune`."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_config, complete_space
from reccl.cli.console import Device, Json, Override, Quiet, err, flag, hint, out, print_json, say, table

if TYPE_CHECKING:
    from reccl.tuning.result import Tuning
    from reccl.tuning.trial import Trial

EXAMPLES = (
    "reccl tune --config methods/lightgcn.yaml",
    "reccl tune --config orders.yaml --space space.yaml --trials 50 --jobs 2",
    "reccl tune --config methods/sgl-ed.yaml --set data=ml-1m-m1 --name sgl-ml-1m",
)
LISTED = 5
"""Trials that the table shows."""


def tune(
    config: Annotated[
        str,
        typer.Option(
            "--config",
            "-c",
            help="Config: a path, or a name of reccl config list.",
            autocompletion=complete_config,
        ),
    ],
    space: Annotated[
        str | None,
        typer.Option(
            metavar="SPACE",
            help="What is searched over: a YAML file, or a name such as lightgcn; default: that of the config's name.",
            autocompletion=complete_space,
        ),
    ] = None,
    overrides: Override = None,
    trials: Annotated[int, typer.Option(min=1, help="Trials that the study has in the end; failed ones count.")] = 30,
    minutes: Annotated[float | None, typer.Option(help="Begin no trial after so long.")] = None,
    jobs: Annotated[int, typer.Option(min=1, help="Trials at a time, each in a process of its own.")] = 1,
    name: Annotated[str | None, typer.Option(metavar="NAME", help="Name of the study; default: the config's.")] = None,
    target: Annotated[
        Path | None, typer.Option("--out", "-o", metavar="FILE", help="YAML to write; default best-NAME.yaml.")
    ] = None,
    no_pruning: Annotated[bool, flag("--no-pruning", help="Train every trial to its end.")] = False,
    device: Device = "auto",
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Tune a config: try settings of its keys, judged on validation rows, and write the best as a YAML that trains.

    The first trial is the config as it is. Trials that are worse than the median of the others at the same epoch are
    stopped; those that fail are recorded with their reason, and the study goes on. Test rows are not read.

    The same command goes on with a study that was stopped, by Ctrl-C or otherwise; what it has spent counts. All trials
    are children of one run in MLflow.
    """
    from reccl import config as configs

    experiment = configs.load(config, overrides or ())
    from reccl.tuning.space import default_space, load_space

    searched = load_space(space or default_space(config), experiment)
    say("loading ...") if err.is_terminal else None
    from reccl.tuning.best_config import Source
    from reccl.tuning.tune import Plan, tune_experiment

    study = name or experiment.name
    plan = Plan(study, target or Path(f"best-{study}.yaml"), trials, minutes, jobs, device, not no_pruning)
    source = Source(configs.read(config)[0], tuple(overrides or ()))
    for line in searched.describe():
        say(line)
    tuned = tune_experiment(experiment, searched, plan, source, say=say)
    if json:
        print_json(tuned.as_json())
    else:
        show(tuned)
    if tuned.interrupted:
        say("stopped by hand: the same command goes on")
        raise typer.Exit(130)
    if not json:
        hint(f"reccl train --config {tuned.path}; reccl ui")


def show(tuned: "Tuning") -> None:
    """The best trials and the config as it was, what matters, and what it has cost."""
    from reccl.tuning.space import short_names

    ranked, default = tuned.ranked(), tuned.default_trial
    shown = ranked[:LISTED] + ([default] if default and default not in ranked[:LISTED] else [])
    keys = list(dict.fromkeys(key for trial in shown for key in trial.values))
    metric = tuned.budget.metric
    heads = metric, "epoch", *short_names(keys)
    made = table(f"{tuned.name}: best by validation {metric}", "trial", *heads, right=heads)
    for trial in shown:
        name = f"{trial.number}{' (as it is)' * trial.default}"
        made.add_row(name, f"{trial.value:.4f}", str(trial.best_epoch or "-"), *(cell(trial, key) for key in keys))
    out.print()
    out.print(made)
    if len(tuned.importances) > 1:
        named = zip(short_names(list(tuned.importances)), tuned.importances.values(), strict=True)
        shares = ", ".join(f"{name} {value:.2f}" for name, value in named)
        out.print(f"\nimportance: {shares}")
    out.print(f"\n{tuned.budget.describe()}\nbest config: {tuned.path}")
    if tuned.run:
        out.print(f"run {tuned.run}")


def cell(trial: "Trial", key: str) -> str:
    """A value of a trial, numbers to four digits; - where the trial did not set it."""
    value = trial.values.get(key, "-")
    return f"{value:.4g}" if isinstance(value, float) else str(value)
