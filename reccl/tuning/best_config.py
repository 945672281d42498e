"""Best config: the best trial as a YAML that trains, close to the file that was tuned."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml

from reccl.atomic import atomic_path
from reccl.bounded_yaml import parse_yaml
from reccl.config import Experiment, dump, validate
from reccl.config_file import parse_override, set_key, starts_afresh, write_override
from reccl.errors import ConfigError
from reccl.redaction import HIDDEN, redact, redact_values
from reccl.tuning.space import expand

if TYPE_CHECKING:
    from reccl.tuning.result import Tuning

SUFFIX = "-tuned"
"""What is added to the name of the config."""
MARK = "# The best trial of study "
"""How such a file begins; one that begins otherwise is not replaced."""


@dataclass(frozen=True)
class Source:
    """The config as it was written."""

    raw: Mapping[str, Any]
    overrides: Sequence[str] = ()
    """`dotted.key=value` texts of the command line."""


def name_best(experiment: Experiment) -> Experiment:
    """The experiment, called tuned."""
    return experiment.model_copy(update={"name": f"{experiment.name.removesuffix(SUFFIX)[:190]}{SUFFIX}"})


def check_target(path: Path, study: str) -> None:
    """Raise ConfigError where the file cannot be written, or is somebody's."""
    if path.is_dir() or not path.parent.is_dir():
        raise ConfigError(f"--out {path} cannot be written: {path if path.is_dir() else path.parent} is no such place")
    if path.exists():
        with path.open(errors="replace") as file:
            if not file.readline().startswith(f"{MARK}{study} "):
                raise ConfigError(f"--out {path} is there, and study {study!r} has not written it; give another file")


def write_best(tuning: Tuning, source: Source | None) -> None:
    """Write the file, whole or not at all."""
    best, budget = tuning.best_trial, tuning.budget
    command = f"reccl train --config {shlex.quote(str(tuning.path))}"
    head = [
        f"{MARK}{tuning.name} (trial {best.number}): validation {budget.metric} {best.value:.4f}.",
        f"# {command}",
        f"# Budget: {budget.describe()}; space {budget.space}.",
        *(f"# {write_override(key, value)}" for key, value in expand(best.values).items()),
    ]
    with atomic_path(tuning.path) as draft:
        text = to_yaml(tuning.best, source, best.values)
        if HIDDEN in text:
            head.append(f"# Passwords are not copied: in place of {HIDDEN} write them, or $NAME of the environment.")
        draft.write_text("\n".join([*head, text]))


def to_yaml(best: Experiment, source: Source | None, values: Mapping[str, Any]) -> str:
    """A text that loads to `best`: the file that was tuned with what has changed, or else the whole config."""
    if source is not None and redact_values(source.raw) == source.raw and not any(map(hides, source.overrides)):
        changes = [parse_override(text) for text in source.overrides]
        changes += [(tuple(key.split(".")), value) for key, value in expand(values).items()]
        raw = {"name": best.name} | deepcopy(dict(source.raw)) | {"name": best.name}
        for key, value in sorted(changes, key=lambda change: not starts_afresh(change[0])):
            set_key(raw, key, value)
        try:
            text = yaml.safe_dump(raw, sort_keys=False, default_flow_style=None, width=120, allow_unicode=True)
        except yaml.YAMLError:  # a dict in Python may hold what is no YAML
            return dump(best)
        if loads_to(text, best):
            return text
    return dump(best)


def hides(override: str) -> bool:
    """Whether a setting of the command line holds a password."""
    return redact(override) != override


def loads_to(text: str, experiment: Experiment) -> bool:
    """Whether a text is the config of this experiment."""
    try:
        return validate(parse_yaml(text, "config")[0], (), {}, "config") == experiment
    except ConfigError:
        return False
