"""`reccl train`."""

from contextlib import nullcontext
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from reccl.cli.completion import complete_config, complete_run
from reccl.cli.console import (
    Device,
    Json,
    MemoryLimit,
    Override,
    Quiet,
    Trust,
    err,
    flag,
    hint,
    out,
    print_json,
    say,
    table,
    warn,
)
from reccl.errors import ConfigError, UnrecordedError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from reccl.config import Experiment
    from reccl.outcome import Outcome

EXAMPLES = (
    "reccl train --config movielens.yaml",
    "reccl train --config best.yaml --set data=gowalla --set training.epochs=20",
    "reccl train --config orders.yaml --seeds 3 --json",
    "reccl train --config orders.yaml --from models:/shop@champion",
    "reccl train --resume latest",
)
EITHER = ("--config", "--resume")


def train(
    config: Annotated[
        str | None,
        typer.Option(
            "--config",
            "-c",
            help="Config: a path, or a name of reccl config list.",
            autocompletion=complete_config,
        ),
    ] = None,
    overrides: Override = None,
    resume: Annotated[
        str | None,
        typer.Option(
            metavar="RUN",
            help="Go on with a run that was stopped, killed or failed, from its last checkpoint: its id, a unique "
            "prefix of it, its name, or latest.",
            autocompletion=complete_run,
        ),
    ] = None,
    start: Annotated[
        str | None,
        typer.Option(
            "--from",
            metavar="RUN",
            help="Begin with the parameters of an earlier run of the same encoder, carried over by id.",
            autocompletion=complete_run,
        ),
    ] = None,
    device: Device = "auto",
    seeds: Annotated[int, typer.Option(min=1, help="Train this many times, with seed, seed + 1, ...")] = 1,
    resplit: Annotated[bool, flag("--resplit", help="Split the data anew with each of these seeds.")] = False,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Train by N processes, each with its share of users and items.")
    ] = 1,
    minutes: Annotated[
        float | None, typer.Option(help="Begin no candidate of the pilot that would probably end after so long.")
    ] = None,
    memory_limit: MemoryLimit = None,
    no_plots: Annotated[bool, flag("--no-plots", help="Record no plots: a second or two less.")] = False,
    trust: Trust = False,
    json: Json = False,
    quiet: Quiet = False,
) -> None:
    """Train a model: prepare the data, fit, evaluate, record the run and its model.

    Ctrl-C ends training, and the best epoch so far is evaluated and kept; Ctrl-C again, SIGTERM or a kill leave the
    last checkpoint, from which --resume goes on: it ends as if training had never stopped. With --resume, --set gives
    again only what a recorded config leaves out, such as the password of a database.

    With --from, rows of users and items that the earlier run knows are carried over by id; new ones are placed by their
    rows, or their features. Both runs should split by time: a run that knew what is to be predicted is refused.

    With --workers, or under torchrun, several processes train one model, on CPUs or a GPU each. Ctrl-C ends them all.

    Once the data is prepared, a line says how much memory the run will take at most; where that is not there it ends,
    before anything is trained, with what is the largest and what makes it smaller. With --workers it is what all
    processes of the machine take together, and --memory-limit is for all of them.
    """
    if (config is None) == (resume is None):
        raise typer.BadParameter("give a config (reccl config list) or a run to resume (reccl runs)", param_hint=EITHER)
    if resume is not None and (resplit or seeds > 1):
        raise typer.BadParameter("it has a config already: leave out --seeds and --resplit", param_hint="--resume")
    if resume is not None and minutes is not None:
        raise typer.BadParameter("its pilot has a budget already: leave out --minutes", param_hint="--resume")
    if resume is not None and start is not None:
        raise typer.BadParameter("it goes on from its own checkpoint: leave out --from", param_hint="--resume")
    from reccl import config as configs
    from reccl.cli.processes import help_train, joined, launch_workers
    from reccl.memory import parse_amount

    limit = None if memory_limit is None else parse_amount(memory_limit)
    given = None if config is None else configs.load(config, overrides or ())  # errors come before long imports
    if given and minutes is not None:
        given = limit_pilot(given, minutes)
    if given and resplit:
        split_anew(given, given.seed)
    if workers > 1:
        raise typer.Exit(launch_workers(given, workers))
    say("loading ...") if err.is_terminal else None
    with joined(device) as (group, device):
        if not group.leads:
            help_train(given, group, device, seeds, overrides or (), limit, resplit=resplit, trust=trust)
            return
        from reccl import tracking
        from reccl.experiment import run
        from reccl.processes import check_processes
        from reccl.progress import TerminalProgress

        if given is not None:
            experiment, unfinished, data = given, None, None
        else:
            unfinished = tracking.find_unfinished(str(resume))
            experiment = configs.loads(tracking.config_of(unfinished), overrides or (), trust=trust)
            data = tracking.data_of(unfinished, experiment.data, say)
            say(f"resuming run {unfinished.info.run_id} ({unfinished.info.run_name})")
            start = unfinished.data.tags.get(tracking.WARM_START)
        check_processes(experiment, group.size)
        group.share(unfinished)
        warm = None if start is None else tracking.warm_start_of(start, say)
        trained = []
        numbers = range(experiment.seed, experiment.seed + seeds)
        above = (
            tracking.seeds_run(experiment.name, configs.flatten(experiment), numbers) if seeds > 1 else nullcontext()
        )
        with above as parent:
            for seed in numbers:
                seeded = split_anew(experiment, seed) if resplit else experiment.model_copy(update={"seed": seed})
                child = {"parent": parent.id, "suffix": f"-seed-{seed}"} if parent else {}
                tracker = tracking.Tracker(
                    unfinished, warn, plots=not no_plots, warm_start=warm.run if warm else "", **child
                )
                watching = [TerminalProgress(err), tracker]
                train_one = partial(run, device=device, callbacks=watching, log=say, start=warm, group=group)
                outcome = train_one(seeded, data, memory_limit=limit)
                trained.append((outcome, tracker.run_id))
                if outcome.interrupted or tracker.unrecorded:
                    break
            if parent and not tracker.unrecorded:
                tracking.record_means(parent, [outcome for outcome, _ in trained])
                if outcome.interrupted:
                    parent.end("KILLED")
        outcomes, runs = [outcome for outcome, _ in trained], [run for _, run in trained]
        if json:
            print_json([as_json(*each) for each in trained])
        else:
            show(experiment.name, outcomes, runs[-1])
        if tracker.unrecorded:
            raise UnrecordedError(
                f"trained, but not recorded in {tracking.store()}: model and results are in {tracker.unrecorded}; "
                "reccl sync records them when the store is there again"
            )
        if outcomes[-1].interrupted:
            say("stopped by hand: the best epoch so far is kept, and the run is marked KILLED")
            raise typer.Exit(130)
        if not json:
            hint(f"reccl recommend --run {runs[-1][:8]} --out recommendations.csv; reccl compare; reccl ui")


def limit_pilot(experiment: "Experiment", minutes: float) -> "Experiment":
    """The experiment with a pilot that tries candidates for so many minutes at most."""
    from reccl import config as configs

    if experiment.pilot is None:
        raise ConfigError(f"--minutes is for the candidates of a pilot, and config {experiment.name!r} has no pilot")
    return configs.resolve(experiment, {"pilot.minutes": minutes})


def split_anew(experiment: "Experiment", seed: int) -> "Experiment":
    """The experiment with this seed, and with the split that this seed gives."""
    if experiment.data.split is None:
        raise ConfigError("--resplit: data.split is empty, so that there is no seed to change; set data.split.kind")
    split = experiment.data.split.model_copy(update={"seed": seed})
    return experiment.model_copy(update={"seed": seed, "data": experiment.data.model_copy(update={"split": split})})


def as_json(outcome: "Outcome", run: str) -> dict[str, object]:
    """An outcome for scripts."""
    return {
        "run": run,
        "best_epoch": outcome.fit.best_epoch,
        "interrupted": outcome.interrupted,
        "validation": outcome.metrics["validation"],
        "test": outcome.metrics["test"],
        "best_on_test": outcome.metrics.get("best_on_test", {}),
        "time": outcome.timing,
        "split": outcome.data.digest.test,
    }


def select_metrics(measured: "Mapping[str, float]", cold: "Sequence[str]") -> list[str]:
    """The metrics of the table: the plain ones, and those of cold and warm nodes of the sides (users, items) that the
    test has a share of cold nodes of.
    """
    plain = [name for name in measured if "/" not in name]
    longest = max((int(name.rpartition("_")[2]) for name in plain), default=0)
    of_groups = [
        f"{group}{side}/{name}"
        for side in (("" if each == "items" else "_users") for each in ("items", "users") if each in cold)
        for name in (f"recall_at_{longest}", f"ndcg_at_{longest}")
        if f"harmonic{side}/{name}" in measured
        for group in ("cold", "warm", "overall", "harmonic")
        if f"{group}{side}/{name}" in measured
    ]
    return plain + of_groups


def show(name: str, outcomes: "list[Outcome]", run: str) -> None:
    """The table that a training ends with: one run, or the mean and deviation over seeds."""
    from statistics import mean, stdev

    def cell(values: list[float]) -> str:
        if not values:
            return "-"
        return f"{mean(values):.4f}" + (f" ± {stdev(values):.4f}" if len(values) > 1 else "")

    last = outcomes[-1]
    found = f": best epoch {last.fit.best_epoch}" if last.fit.best_epoch else ""
    title = name + (found if len(outcomes) == 1 else f": {len(outcomes)} seeds")
    columns = ("validation", "test", *(("best_on_test",) if "best_on_test" in last.metrics else ()))
    labels = tuple(column.replace("_", " ") for column in columns)
    made = table(title, "metric", *labels, right=labels)
    for metric in select_metrics(last.metrics["test"] or last.metrics["validation"], last.cold_sides):
        sides = (
            [values[metric] for outcome in outcomes if metric in (values := outcome.metrics[side])] for side in columns
        )
        made.add_row(metric, *(cell(values) for values in sides))
    out.print()
    out.print(made)
    seconds = "  ".join(
        f"{key.removesuffix('_seconds').replace('_', ' ')} {value:.1f} s"
        for key, value in last.timing.items()
        if "_seconds" in key
    )
    out.print(f"\n{seconds}  peak memory {last.timing['peak_memory_gib']:.2f} GiB")
    out.print(f"run {run}")
