"""Study: the trials of one config over one space, kept by Optuna in a database, so that it can be gone on with."""

from __future__ import annotations

import os
import re
import sqlite3
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from reccl.atomic import lock
from reccl.config import dump, loads
from reccl.errors import ConfigError, RunError
from reccl.tracking import folder
from reccl.tuning.space import Space
from reccl.tuning.trial import BROKEN_OFF, COMPLETE, FAILED, PRUNED, RUNNING, Trial

if TYPE_CHECKING:
    import optuna

NAME = re.compile(r"\w[\w.+-]{0,99}")
RANDOM_TRIALS, BEFORE_PRUNING = 10, 5
"""Trials that are drawn at random before TPE proposes them; trials that have to be complete before any is pruned."""
DEFAULT, ERROR, REPEATED, BEST_EPOCH, SECONDS, EPOCHS = (
    f"reccl.{name}" for name in ("default", "error", "repeated", "best_epoch", "seconds", "epochs")
)
"""What the database holds of a trial besides what Optuna keeps."""
ABOUT, WALL, RUN = "reccl.about", "reccl.wall_seconds", "reccl.run"
"""The same of a study: what it is of, how long it has run, and its run in MLflow."""


def load_optuna() -> Any:
    """Optuna, silent. Raises RunError where it is not installed."""
    try:
        import optuna
    except ImportError:
        raise RunError("optuna is not installed: pip install 'reccl[tune]'") from None
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    return optuna


@dataclass
class Study:
    """A study that this process holds."""

    name: str
    folder: Path
    space: Space
    seed: int
    held: optuna.Study

    def ask(self) -> tuple[optuna.Trial, dict[str, Any]]:
        """The next trial, and its values. The first has the config's own, as far as the space holds them.

        What a trial proposes depends on the seed, its number and the trials before it, not on how often the study was
        gone on with.
        """
        trial = self.held.ask()
        self.held.sampler = sampler(self.seed, trial.number)
        default = DEFAULT in trial.user_attrs
        values = {}
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for parameter in self.space.parameters:
                if not default or parameter.key in trial.user_attrs[DEFAULT]:
                    values[parameter.key] = parameter.suggest(trial)
        return trial, values

    def complete(self, trial: optuna.Trial, value: float, best_epoch: int, epochs: int, seconds: float) -> None:
        """A trial has ended with this value."""
        for name, entry in ((BEST_EPOCH, best_epoch), (EPOCHS, epochs), (SECONDS, seconds)):
            trial.set_user_attr(name, entry)
        self.held.tell(trial, value)

    def prune(self, trial: optuna.Trial, epochs: int, seconds: float) -> None:
        """A trial was stopped, since it was worse than others were."""
        trial.set_user_attr(EPOCHS, epochs)
        trial.set_user_attr(SECONDS, seconds)
        self.held.tell(trial, state=load_optuna().trial.TrialState.PRUNED)

    def fail(self, trial: optuna.Trial, error: str, seconds: float) -> None:
        """A trial has failed; an empty error: it was broken off, and is tried again."""
        trial.set_user_attr(ERROR, error)
        trial.set_user_attr(SECONDS, seconds)
        self.held.tell(trial, state=load_optuna().trial.TrialState.FAIL)

    def trials(self) -> list[Trial]:
        """All trials so far."""
        held = self.held.get_trials(deepcopy=False)
        return [self.read(each) for each in held if each.state.name != "WAITING"]

    def read(self, held: optuna.trial.FrozenTrial) -> Trial:
        """A trial as Optuna keeps it."""
        states = {"COMPLETE": COMPLETE, "PRUNED": PRUNED, "RUNNING": RUNNING}
        error = held.user_attrs.get(ERROR, "")
        state = states.get(held.state.name) or (FAILED if error else BROKEN_OFF)
        seen = max(held.intermediate_values.items(), key=lambda entry: entry[1], default=(0, None))
        values = {
            parameter.key: parameter.labels()[held.params[parameter.key]]
            if hasattr(parameter, "labels")
            else held.params[parameter.key]
            for parameter in self.space.parameters
            if parameter.key in held.params
        }
        about = held.user_attrs
        return Trial(
            held.number,
            values,
            state,
            held.value if state == COMPLETE else seen[1],
            about.get(BEST_EPOCH, seen[0]),
            about.get(EPOCHS, max(held.intermediate_values, default=0)),
            about.get(SECONDS, 0.0),
            error,
            DEFAULT in about,
        )

    def importances(self) -> dict[str, float]:
        """How much of what completed trials differ in each key explains, most first; empty where there are too few."""
        optuna = load_optuna()
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            try:
                found = optuna.importance.get_param_importances(self.held)
            except (ValueError, RuntimeError):
                return {}
        return {name: float(value) for name, value in found.items()}

    @property
    def wall_seconds(self) -> float:
        """How long it ran before."""
        return float(self.held.user_attrs.get(WALL, 0.0))

    @wall_seconds.setter
    def wall_seconds(self, seconds: float) -> None:
        self.held.set_user_attr(WALL, seconds)

    @property
    def run(self) -> str:
        """The id of its run in MLflow; empty where there is none yet."""
        return str(self.held.user_attrs.get(RUN, ""))

    @run.setter
    def run(self, identifier: str) -> None:
        self.held.set_user_attr(RUN, identifier)


def sampler(seed: int, number: int) -> optuna.samplers.BaseSampler:
    """TPE, whose random numbers are those of one trial of one seed."""
    made: optuna.samplers.BaseSampler = load_optuna().samplers.TPESampler(
        seed=(seed * 1_000_003 + number) % 2**32, n_startup_trials=RANDOM_TRIALS
    )
    return made


def study_folder(name: str) -> Path:
    """Where a study is kept: below ./mlruns, whatever the store of runs. Raises ConfigError."""
    if not NAME.fullmatch(name):
        raise ConfigError(f"--name {name!r} cannot name a study; use letters, digits, _, -, + and . (at most 100)")
    return folder() / "tuning" / name


@contextmanager
def open_study(
    name: str, space: Space, about: Mapping[str, str], defaults: Mapping[str, Any], *, seed: int, warmup: int | None
) -> Iterator[Study]:
    """Make a study, or go on with the one of this name; trials that were broken off come first.

    Args:
        name: of its folder.
        space: what it searches over.
        about: what has to be the same for it to go on, in words: {"config": its YAML, ...}.
        defaults: the config's own values, where the space holds them: the first trial.
        seed: of the proposals.
        warmup: epochs of a trial before it may be pruned; None: no trial is.

    Raises RunError where another process holds it, or it is of something else.

    """
    optuna, place = load_optuna(), study_folder(name)
    with held(place, name):
        pruner = (
            optuna.pruners.NopPruner()
            if warmup is None
            else optuna.pruners.MedianPruner(n_startup_trials=BEFORE_PRUNING, n_warmup_steps=warmup)
        )
        settings = {"sampler": sampler(seed, 0), "pruner": pruner}
        with database_errors(place):
            storage = optuna.storages.RDBStorage(
                f"sqlite:///{place / 'study.db'}", engine_kwargs={"connect_args": {"timeout": 60}}
            )
            made = optuna.create_study(
                storage=storage, study_name=name, direction="maximize", load_if_exists=True, **settings
            )
            study = Study(name, place, space, seed, made)
            if ABOUT not in made.user_attrs:
                labels = {
                    parameter.key: parameter.label(defaults[parameter.key])
                    for parameter in space.parameters
                    if parameter.key in defaults
                }
                made.enqueue_trial(labels, user_attrs={DEFAULT: list(labels)})
                made.set_user_attr(ABOUT, dict(about))
            elif differs := find_differing(about, made.user_attrs[ABOUT]):
                raise RunError(
                    f"study {name!r} is of another {differs}: give this one a --name of its own, or remove {place}"
                )
            repeat_broken_off(study)
        try:
            yield study
        finally:
            storage.engine.dispose()


def find_differing(about: Mapping[str, str], stored: Mapping[str, str]) -> str | None:
    """What a study is not of any more; None where it is of the same.

    A key of configs that came later does not make another of an old config: it has its default there.
    """
    for key, value in about.items():
        kept = stored.get(key, "")
        if kept != value and not (key == "config" and renew_config(kept) == value):
            return key
    return None


def renew_config(text: str) -> str:
    """A config as it is written now, with every key; as it stands where it is none any more."""
    try:
        return dump(loads(text))
    except ConfigError:
        return text


@contextmanager
def held(place: Path, name: str) -> Iterator[None]:
    """The folder of a study, made where there is none, and locked for this process."""
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / "lock").touch()
        descriptor: int | None = lock(place / "lock")
    except BlockingIOError:
        raise RunError(f"study {name!r} is being run by another process: wait for it, or give another --name") from None
    except OSError as error:
        if not os.access(place, os.W_OK):
            raise RunError(f"cannot write {place}: {error.strerror}; change to a folder you may write to") from None
        descriptor = None  # a file system without locks
    try:
        yield
    finally:
        if descriptor is not None:
            os.close(descriptor)


@contextmanager
def database_errors(place: Path) -> Iterator[None]:
    """Raises RunError, one line, where the database of a study cannot be read."""
    import sqlalchemy

    try:
        yield
    except (sqlite3.Error, sqlalchemy.exc.SQLAlchemyError, RuntimeError) as error:
        reason = str(error).splitlines()[0]
        raise RunError(
            f"cannot use the study in {place}: {reason}; move it away to start anew, or give another --name"
        ) from None


def repeat_broken_off(study: Study) -> None:
    """Have trials again that Ctrl-C or a kill broke off."""
    state = load_optuna().trial.TrialState
    for trial in study.held.get_trials(deepcopy=False, states=(state.RUNNING,)):
        study.held.tell(trial.number, state=state.FAIL)
    repeated = study.held.user_attrs.get(REPEATED, [])
    new = [trial.number for trial in study.trials() if trial.state == BROKEN_OFF and trial.number not in repeated]
    by_number = {trial.number: trial for trial in study.held.get_trials(deepcopy=False)}
    for number in new:
        held = by_number[number]
        about = {DEFAULT: held.user_attrs[DEFAULT]} if DEFAULT in held.user_attrs else {}
        study.held.enqueue_trial(held.params, user_attrs=about)
    study.held.set_user_attr(REPEATED, [*repeated, *new])


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The complete trial with the highest value, of equal ones the first; None where none is complete."""
    return max((each for each in trials if each.state == COMPLETE), key=lambda each: each.value or 0.0, default=None)
