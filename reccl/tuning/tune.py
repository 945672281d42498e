"""Tune: search a space of a config's keys for what is best on validation rows."""

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from reccl import tracking
from reccl.config import Experiment, dump, flatten, own_code, read, resolve
from reccl.data.dataset import Dataset
from reccl.data.prepare import prepare
from reccl.errors import ConfigError, TrainingError
from reccl.fitting import check_parts
from reccl.progress import choose_progress
from reccl.tracking.label import label_tags
from reccl.training.device import resolve_device
from reccl.trust import record_trust
from reccl.tuning.best_config import Source, check_target, name_best, write_best
from reccl.tuning.budget import Budget
from reccl.tuning.result import Tuning
from reccl.tuning.search import Limit, Search
from reccl.tuning.space import Space, default_space, load_space
from reccl.tuning.study import Study, best_of, load_optuna, open_study, study_folder
from reccl.tuning.trial import FAILED
from reccl.tuning.worker import Job, without_test

WARMUP = 0.1
"""Share of a config's epochs before which no trial is pruned."""


@dataclass(frozen=True)
class Plan:
    """How a study is run."""

    name: str
    """Of the study, which is kept in mlruns/tuning/NAME."""
    path: Path
    """The YAML that the best config is written to."""
    trials: int = 30
    """How many the study has in the end; those that fail count."""
    minutes: float | None = None
    """No trial begins after so long; None: no limit."""
    jobs: int = 1
    """Trials at a time, each in a process of its own."""
    device: str = "auto"
    """auto, cpu, cuda or cuda:N."""
    prune: bool = True
    """Whether trials that are worse than the median of the others at the same epoch are stopped."""
    track: bool = True
    """Whether the study and its trials are recorded in MLflow."""
    parent: str = ""
    """Id of a run in MLflow that the study's is a child of."""


def tune(
    config: str | Path | Mapping[str, Any] | Experiment,
    space: str | Path | Mapping[str, Any] | None = None,
    data: Dataset | str | None = None,
    *,
    trials: int = 30,
    minutes: float | None = None,
    jobs: int = 1,
    name: str | None = None,
    out: str | Path | None = None,
    device: str = "auto",
    prune: bool = True,
    track: bool = False,
    progress: bool = True,
    **sections: Any,
) -> Tuning:
    """Tune a config: as many trials as asked for, each judged by `training.metric` on validation rows.

    The first trial is the config as it is; the others are proposed by TPE (Optuna). A study of the same name, config,
    space and data is gone on with: what it has spent counts. Test rows are read by nobody: trials have none.

    Args:
        config: a bundled config, a YAML file, a dict of the same keys, or an Experiment.
        space: a YAML file or a name of configs/spaces/, or a dict; None: the bundled space of the config's name.
        data: a Dataset, the name of one, or None for the one that the config names.
        trials: how many trials the study has in the end; those that fail count.
        minutes: no trial begins after so long; those that run are ended. None: no limit.
        jobs: trials at a time, each in a process of its own.
        name: of the study, which is kept in mlruns/tuning/NAME; None: that of the config.
        out: the YAML that the best config is written to; None: best-NAME.yaml.
        device: auto, cpu, cuda or cuda:N.
        prune: stop trials that are worse than the median of the others at the same epoch.
        track: record the study and its trials in MLflow.
        progress: say a line about every trial.
        sections: keys of the config to set, as `reccl.train` takes them.

    Raises ConfigError for a config, a space or an option that cannot mean anything, RunError where Optuna is missing or
    the study is of something else, DataError, and TrainingError where no trial was completed. Ctrl-C ends the study and
    gives the best so far (`Tuning.interrupted`).

    Example::

        tuned = reccl.tune("methods/lightgcn", trials=30, jobs=2)
        tuned.to_frame().sort("value", descending=True)
        model = reccl.train(tuned.best)  # which reads the test rows, once

    """
    raw = read(config)[0] if isinstance(config, str | Path) else config if isinstance(config, Mapping) else None
    given = {} if data is None else {"data": data.settings if isinstance(data, Dataset) else data}
    experiment = resolve(config, sections | given)
    source = Source(raw) if raw is not None and not sections and not given else None
    chosen = default_space(config if isinstance(config, str | Path) else experiment.name) if space is None else space
    study = name or experiment.name
    plan = Plan(study, Path(out or f"best-{study}.yaml"), trials, minutes, jobs, device, prune, track)
    say = choose_progress().say if progress else lambda _: None
    made = data if isinstance(data, Dataset) else None
    return tune_experiment(experiment, load_space(chosen, experiment), plan, source, made, say)


def tune_experiment(
    experiment: Experiment,
    space: Space,
    plan: Plan,
    source: Source | None = None,
    data: Dataset | None = None,
    say: Callable[[str], None] = lambda _: None,
) -> Tuning:
    """The same from an experiment and a space that are read; the best config stays close to the file that was tuned."""
    check_plan(plan)
    prepared = prepare(experiment.data, say) if data is None else data
    say(f"data: {prepared.describe()}")
    check_data(experiment, prepared)
    about = {
        "config": dump(experiment),
        "space": space.digest(),
        "data": prepared.fingerprint,
        "choice of --no-pruning": str(plan.prune),
    }
    own = space.own_values(experiment)
    warmup = max(1, round(WARMUP * experiment.training.epochs)) if plan.prune else None
    with ExitStack() as stack:
        study = stack.enter_context(open_study(plan.name, space, about, own, seed=experiment.seed, warmup=warmup))
        for key in space.keys:
            if key not in own:
                say(f"note: the space does not hold the config's own {key}: only the first trial has it")
        parent = stack.enter_context(study_run(study, experiment, plan.parent)) if plan.track else None
        if parent is not None:
            study.run = parent.id
        interrupted = False
        try:
            Search(study, experiment, Job(without_test(prepared), plan.device), parent.id if parent else "", say).run(
                Limit(plan.trials, None if plan.minutes is None else 60 * plan.minutes), plan.jobs
            )
        except KeyboardInterrupt:
            interrupted = True
        return finish(study, experiment, plan, source, parent, interrupted)


def check_plan(plan: Plan) -> None:
    """Raise what would end the study, before the data is read."""
    for name, value in (("trials", plan.trials), ("jobs", plan.jobs)):
        if value < 1:
            raise ConfigError(f"--{name} {value}: give 1 or more")
    if plan.minutes is not None and not plan.minutes > 0:
        raise ConfigError(f"--minutes {plan.minutes}: give more than 0")
    study_folder(plan.name)
    check_target(plan.path, plan.name)
    load_optuna()
    resolve_device(plan.device)


def check_data(experiment: Experiment, data: Dataset) -> None:
    """Raise what every trial would end with."""
    if data.validation.is_empty():
        raise ConfigError("the split has no validation rows, by which trials are judged: set data.split.validation=0.1")
    check_parts(experiment, data)
    record_trust(list(own_code(experiment)))


def study_run(study: Study, experiment: Experiment, parent: str) -> Any:
    """The study's run in MLflow, the same one each time that it is gone on with."""
    tags = label_tags(flatten(experiment)) | ({"mlflow.parentRunId": parent} if parent else {})
    return tracking.parent_run(f"{study.name} (tuning)", "tuning", tags, reopen=study.run)


def finish(
    study: Study,
    experiment: Experiment,
    plan: Plan,
    source: Source | None,
    parent: "tracking.Run | None",
    interrupted: bool,
) -> Tuning:
    """What was found, as a value, a YAML and in MLflow. Raises TrainingError where no trial was completed."""
    trials, metric, keys = tuple(study.trials()), experiment.training.metric, len(study.space.keys)
    budget = Budget.of(trials, study.wall_seconds, keys, study.space.digest(), metric)
    best = best_of(trials)
    if best is None:
        why = next((f": {trial.error}" for trial in trials if trial.state == FAILED), "")
        raise TrainingError(f"no trial of study {study.name!r} was completed{why}; it has {budget.describe()}")
    found = name_best(study.space.apply(experiment, best.values))
    made = Tuning(
        study.name,
        found,
        best,
        trials,
        budget,
        study.importances(),
        plan.path,
        parent.id if parent else "",
        interrupted,
    )
    write_best(made, source)
    if parent is not None:
        from reccl.tuning.record import record_result

        record_result(parent, made, study.space, experiment)
        if interrupted:
            parent.end("KILLED")
    return made
