"""Load: study.yaml, checked like a config, and every method on every data set as an experiment."""

from collections.abc import Mapping
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType
from typing import Any

from pydantic import ValidationError

from reccl.bundle import available, find
from reccl.config import Experiment, iterate_leaves, read, with_changes
from reccl.config_errors import KeyPath, explain_errors, find_origin
from reccl.config_file import read_yaml
from reccl.errors import ConfigError, did_you_mean, join_names
from reccl.studies.settings import NOTHING, StudySettings
from reccl.tuning.parameter import SpaceError
from reccl.tuning.space import Space, default_space, load_space, refuse_fixed

FOLDER = "studies/"
DRAWN = ("cold_items", "cold_users", "random_global", "random_per_user", "strong_generalization")
"""Kinds of split whose test rows are drawn by a seed."""
WINDOWS = "sliding_window"
"""The kind of split whose test rows are those of a window, by its number."""
DECIDED = ("data", "name", "seed", "training.best_on_test", "training.metric")
"""Keys that the study sets."""


@dataclass(frozen=True)
class Study:
    """A study as it was written."""

    settings: StudySettings
    origin: Mapping[KeyPath, str]
    """Key -> where it was written."""
    where: str

    def place(self, *key: str) -> str:
        """Where a key was written."""
        return find_origin(key, self.origin) or self.where

    def experiment(
        self,
        data: str,
        method: str,
        split: int | None = None,
        seed: int | None = None,
        tuned: Mapping[str, Any] = MappingProxyType({}),
    ) -> Experiment:
        """A method on a data set, validated as a config is. Raises ConfigError.

        Args:
            data: its name in the study.
            method: its name in the study.
            split: seed of the split, or number of its window; None: as the data set has it.
            seed: of training; None: the first of the study.
            tuned: dotted key -> value, as found by tuning.

        """
        settings, chosen, table = self.settings, self.settings.configs[method], self.settings.data[data]
        if isinstance(chosen.config, Mapping):
            raw, origin, where = deepcopy(dict(chosen.config)), dict[KeyPath, str](), self.place("configs", method)
        else:
            raw, origin, where = read(chosen.config)
        changes: list[tuple[KeyPath, Any, str]] = [(("data",), deepcopy(table.data), self.place("data", data))]
        for tree, key in (
            (settings.set, ("set",)),
            (table.set, ("data", data, "set")),
            (chosen.set, ("configs", method, "set")),
        ):
            changes += [
                (tuple(name.split(".")), deepcopy(value), self.place(*key, *name.split(".")))
                for name, value in iterate_leaves(tree)
            ]
        fixed = {"name": method, "training.metric": settings.metrics[0], "training.best_on_test": False}
        fixed["seed"] = settings.seeds[0] if seed is None else seed
        place = self.place("metrics") if ("metrics",) in self.origin else self.where
        changes += [(tuple(name.split(".")), value, place) for name, value in {**tuned, **fixed}.items()]
        made = with_changes(deepcopy(raw), deepcopy(changes), origin, where)
        if split is None:
            return made
        part = "window" if getattr(made.data.split, "kind", "") == WINDOWS else "seed"
        return with_changes(raw, [*changes, (("data", "split", part), split, self.place("splits"))], origin, where)

    def space(self, method: str, experiment: Experiment) -> Space | None:
        """What a method's tuning searches over; None: nothing. Raises ConfigError."""
        chosen = self.settings.configs[method]
        if not self.settings.budget.trials or chosen.space == NOTHING:
            return None
        if chosen.space is None:
            name = chosen.config if isinstance(chosen.config, str) else method
            try:
                return load_space(default_space(name), experiment)
            except ConfigError as error:
                if "no bundled space" not in str(error):
                    raise
                raise ConfigError(
                    f"{self.place('configs', method)}: configs.{method}: there is no bundled space of that name; give "
                    f"space: FILE, or space: {NOTHING} where there is nothing to tune"
                ) from None
        return load_space(chosen.space, experiment)


def load_study(study: str | Path | Mapping[str, Any]) -> Study:
    """Read a study and check it: every method on every data set is a config.

    Args:
        study: a path, a name of configs/studies/, or a dict of the same keys.

    Raises ConfigError, a line for each thing that is wrong, with its file and line.

    """
    if isinstance(study, Mapping):
        raw, origin, where = deepcopy(dict(study)), dict[KeyPath, str](), "the study"
    else:
        path = find_study(str(study))
        raw, lines = read_yaml(path)
        origin, where = {key: f"{path}:{line}" for key, line in lines.items()}, str(path)
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is not a study: it needs keys such as name, data, configs")
    try:
        settings = StudySettings.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys(explain_errors(error, raw, origin, where)))) from None
    read_in = Study(settings, origin, where)
    problems = list(find_problems(read_in))
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return read_in


def find_study(name: str) -> Path:
    """The file of a study. Raises ConfigError with the near names where there is none."""
    for candidate in (name, f"{FOLDER}{name}"):
        if path := find(candidate, "configs", ".yaml")[0]:
            return path
    known = [each.removeprefix(FOLDER) for each in available("configs", ".yaml") if each.startswith(FOLDER)]
    near = did_you_mean(name.removesuffix(".yaml").removeprefix(FOLDER), known)
    raise ConfigError(f"no study {name!r}{near}; give the path of a YAML file, or one of {join_names(known)}")


def find_problems(study: Study) -> list[str]:
    """What is wrong with a study, a line each."""
    settings, problems = study.settings, list[str]()
    common = [(("set",), settings.set), *((("data", name, "set"), one.set) for name, one in settings.data.items())]
    for above, tree in common:
        problems += [
            f"{study.place(*above, *key.split('.'))}: {'.'.join(above)}: {key} is decided by the study: leave it out"
            for key, _ in iterate_leaves(tree)
            if key in DECIDED
        ]
    for method, chosen in settings.configs.items():
        for key, _ in iterate_leaves(chosen.set):
            try:
                refuse_fixed(key)
            except SpaceError:
                place = study.place("configs", method, "set", *key.split("."))
                problems.append(
                    f"{place}: configs.{method}.set: {key} decides what is measured, so that it is set for all methods "
                    "or none: write it below set, or below set of a data set"
                )
    for data in settings.data:
        made: dict[str, Experiment] = {}
        for method in settings.configs:
            try:
                made[method] = study.experiment(data, method)
                study.space(method, made[method])
            except ConfigError as error:
                problems += [name_metric(study, line) for line in str(error).splitlines()]
        problems += disagreements(study, data, made)
    return problems


def name_metric(study: Study, problem: str) -> str:
    """A problem with the metric of an experiment as one of the study's, which decides it."""
    _, found, rest = problem.partition("training.metric ")
    return f"{study.place('metrics')}: metrics: {rest}" if found else problem


def disagreements(study: Study, data: str, made: Mapping[str, Experiment]) -> list[str]:
    """Why methods would not be measured alike on a data set."""
    found, settings = list[str](), study.settings
    for method, experiment in made.items():
        first, other = next(iter(made.items()))
        for key, one, two in (
            ("evaluation", other.evaluation, experiment.evaluation),
            ("training.refit", other.training.refit, experiment.training.refit),
        ):
            if one != two:
                example = "training.refit: true" if key == "training.refit" else "evaluation: {cutoffs: [10, 20]}"
                found.append(
                    f"{study.place('configs', method)}: configs.{method}: {key} is not that of {first}, so that they "
                    f"would not be measured alike: set it for all, e.g. set: {{{example}}}"
                )
        measured = [*experiment.evaluation.metric_names(), *experiment.evaluation.group_metric_names()]
        found += [
            f"{study.place('metrics')}: metrics: {name!r} is not measured"
            f"{did_you_mean(name, measured) or f'; there are {join_names(experiment.evaluation.metric_names())}'}"
            for name in settings.metrics
            if name not in measured
        ]
        split = experiment.data.split
        kind = getattr(split, "kind", "none")
        if settings.splits and kind == WINDOWS:
            found += find_missing_windows(study, data, method)
        elif (settings.resplit or settings.splits) and kind not in DRAWN:
            key = "resplit" if settings.resplit else "splits"
            found.append(
                f"{study.place(key)}: {key}: the test rows of {data} are not drawn by a seed (split {kind}), so that "
                "another seed gives no other test: leave it out, or set data.split.kind, e.g. random_per_user"
                + "; windows are numbered by splits"
                * (kind == WINDOWS)
            )
        if settings.budget.trials and getattr(split, "validation", 1) == 0:
            found.append(
                f"{study.place('data', data)}: data.{data}: the split has no validation rows, by which trials are "
                "judged: set data.split.validation"
            )
    return found


def find_missing_windows(study: Study, data: str, method: str) -> list[str]:
    """A line for each window that `splits` names and the split does not have."""
    found = list[str]()
    for window in study.settings.splits or ():
        try:
            study.experiment(data, method, window)
        except ConfigError as error:
            found += [f"{study.place('splits')}: splits: {error}"]
    return found
