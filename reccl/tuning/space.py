"""Space: the keys that a study searches over, read from YAML and checked with the config that they belong to."""

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from reccl.bundle import available, find
from reccl.config import Experiment, with_changes
from reccl.config_errors import KeyPath, find_origin
from reccl.config_file import read_yaml
from reccl.errors import ConfigError, did_you_mean, join_names
from reccl.tuning.parameter import KEYS, Parameter, Range, SpaceError, read_parameter

FOLDER = "spaces/"
JOINT = ", "
"""Stands between keys that take the same value."""
FIXED = ("data", "deterministic", "evaluation", "name", "seed")
FIXED_IN_TRAINING = ("best_on_test", "checkpoint_seconds", "metric", "refit")
"""Keys that say what is measured, on which rows and how it is reported: with others, trials could not be compared."""


@dataclass(frozen=True)
class Space:
    """What a study searches over, in the order of the file."""

    parameters: tuple[Parameter, ...]
    origin: Mapping[str, str]
    """Key -> where it was written."""

    @property
    def keys(self) -> list[str]:
        """The keys, dotted."""
        return [parameter.key for parameter in self.parameters]

    def digest(self) -> str:
        """Equal where the same values can be taken, in whatever order and form they were written."""
        written = sorted((parameter.as_json() for parameter in self.parameters), key=lambda entry: str(entry["key"]))
        return hashlib.sha256(json.dumps(written, sort_keys=True).encode()).hexdigest()[:16]

    def describe(self) -> list[str]:
        """A line for each key."""
        return [f"{parameter.key}: {parameter.describe()}" for parameter in self.parameters]

    def apply(self, experiment: Experiment, values: Mapping[str, Any]) -> Experiment:
        """The experiment with these values, validated as a config is. Raises ConfigError."""
        changes = [
            (tuple(key.split(".")), value, self.origin.get(joint, key))
            for joint, value in values.items()
            for key in split_keys(joint)
        ]
        raw = {**experiment.model_dump(), "data": experiment.data}
        return with_changes(raw, changes, {}, f"experiment {experiment.name}")

    def own_values(self, experiment: Experiment) -> dict[str, Any]:
        """What the keys are in an experiment, those of them that the space holds."""
        dumped, found = experiment.model_dump(mode="json"), {}
        for parameter in self.parameters:
            key = parameter.key
            if isinstance(parameter, Range):
                first, *others = (look_up(dumped, tuple(each.split("."))) for each in split_keys(key))
                same = [value for value in first if parameter.holds(value) and all(first == other for other in others)]
            else:  # a part may be written without its defaults
                same = [value for value in parameter.values if self.apply(experiment, {key: value}) == experiment]
            if same:
                found[key] = same[0]
        return found


def join_keys(written: KeyPath) -> str:
    """The dotted key of nested ones; several, which take the same value, where the last one names several.

    >>> join_keys(("objective", "contrast", "first.rate, second.rate"))
    'objective.contrast.first.rate, objective.contrast.second.rate'
    """
    *sections, last = written
    return JOINT.join(".".join((*sections, name.strip())) for name in last.split(","))


def split_keys(key: str) -> list[str]:
    """The keys that take the same value; most often one."""
    return key.split(JOINT)


def expand(values: Mapping[str, Any]) -> dict[str, Any]:
    """Every key by itself."""
    return {key: value for joint, value in values.items() for key in split_keys(joint)}


def short_names(keys: Sequence[str]) -> list[str]:
    """The shortest ends of keys that tell them apart, for tables and plots; of keys with the same value the first.

    Those of the objective have two words or more: a weight is a weight of something.

    >>> short_names(["training.learning_rate", "objective.l2.weight", "encoder.layers"])
    ['learning_rate', 'l2.weight', 'layers']
    """
    paths = [split_keys(key)[0].split(".") for key in keys]
    named = []
    for path in paths:
        lengths = range(2 if path[0] == "objective" else 1, len(path) + 1)
        fits = (n for n in lengths if sum(other[-n:] == path[-n:] for other in paths) == 1)
        named.append(".".join(path[-next(fits, len(path)) :]))
    return named


def look_up(tree: Any, path: KeyPath) -> tuple[Any, ...]:
    """The value at a path, in a tuple; an empty one where there is none."""
    for name in path:
        if not isinstance(tree, Mapping) or name not in tree:
            return ()
        tree = tree[name]
    return (tree,)


def load_space(space: str | Path | Mapping[str, Any], experiment: Experiment) -> Space:
    """Read a space and check it: every key is one of the config, which takes every choice and both ends of every range.

    Args:
        space: a path, a name of configs/spaces/ such as `lightgcn`, or a dict of the same keys.
        experiment: the config that is tuned.

    Raises ConfigError, a line for each thing that is wrong, with its file and line.

    """
    if isinstance(space, Mapping):
        raw, origin, where = dict(space), {}, "the space"
    else:
        path = find_space(str(space))
        raw, lines = read_yaml(path)
        origin, where = {key: f"{path}:{line}" for key, line in lines.items()}, str(path)
    if not isinstance(raw, dict) or not raw:
        raise ConfigError(f"{where} is not a space: it needs keys of the config, such as training.learning_rate")
    problems: list[str] = []
    read: dict[str, tuple[Parameter, str]] = {}
    for written, value in iterate_parameters(raw):
        place = find_origin(written, origin) or where
        key = join_keys(written)
        try:
            if key in read:
                raise SpaceError("this key is given twice")
            for each in split_keys(key):
                refuse_fixed(each)
            read[key] = checked(read_parameter(key, value), experiment, place), place
        except SpaceError as error:
            problems.append(f"{place}: {key}: {error}")
        except ConfigError as error:
            problems += str(error).splitlines()
    if problems:
        raise ConfigError("\n".join(dict.fromkeys(problems)))
    return Space(tuple(parameter for parameter, _ in read.values()), {key: place for key, (_, place) in read.items()})


def find_space(name: str) -> Path:
    """The file of a space. Raises ConfigError with the near names where there is none."""
    for candidate in (name, f"{FOLDER}{name}"):
        if path := find(candidate, "configs", ".yaml")[0]:
            return path
    known = spaces()
    near = did_you_mean(name.removesuffix(".yaml").removeprefix(FOLDER), known)
    raise ConfigError(f"no space {name!r}{near}; give the path of a YAML file, or a name of reccl config list")


def spaces() -> list[str]:
    """The names of configs/spaces/."""
    return [name.removeprefix(FOLDER) for name in available("configs", ".yaml") if name.startswith(FOLDER)]


def iterate_parameters(tree: Mapping[str, Any], prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, Any]]:
    """(keys as they are written, what stands there) of every parameter; they may be dotted, nested, or both."""
    for name, value in tree.items():
        path = (*prefix, str(name))
        if isinstance(value, Mapping) and value and not set(KEYS) & set(value):
            yield from iterate_parameters(value, path)
        else:
            yield path, value


def refuse_fixed(key: str) -> None:
    """Raise SpaceError for keys that have to stay."""
    first, _, rest = key.partition(".")
    if first in FIXED or (first == "training" and rest in FIXED_IN_TRAINING):
        raise SpaceError(
            f"{first if first in FIXED else key} decides what is measured, not how good the model is, so that trials "
            "could not be compared; leave it out"
        )


def checked(parameter: Parameter, experiment: Experiment, place: str) -> Parameter:
    """The parameter, as one of whole numbers where the config takes no others. Raises ConfigError."""
    for key in split_keys(parameter.key):
        *section, last = key.split(".")
        within = look_up(experiment.model_dump(mode="json"), tuple(section))
        if not within or not isinstance(within[0], Mapping):
            raise SpaceError(f"the config has no {'.'.join(section)}, which {last} would be a key of")
    space = Space((parameter,), {parameter.key: place})
    for value in parameter.probes():
        space.apply(experiment, {parameter.key: value})
    if not isinstance(parameter, Range) or takes(space.apply, experiment, {parameter.key: parameter.between()}):
        return parameter
    if parameter.step is not None and not float(parameter.step).is_integer():
        raise ConfigError(f"{place}: {parameter.key}: step {parameter.step:g} leads to numbers that are not whole")
    return replace(parameter, low=int(parameter.low), high=int(parameter.high), whole=True)


def takes(apply: Callable[..., Experiment], experiment: Experiment, values: Mapping[str, Any]) -> bool:
    """Whether the config takes these values."""
    try:
        apply(experiment, values)
    except ConfigError:
        return False
    return True


def default_space(config: str | Path) -> str:
    """The bundled space that is called as a config. Raises ConfigError where there is none."""
    name = Path(config).name.removesuffix(".yaml")
    if name not in spaces():
        raise ConfigError(
            f"there is no bundled space for {name!r}{did_you_mean(name, spaces())}; give one with --space: a YAML file "
            f"with keys of the config, or one of {join_names(spaces())}"
        )
    return f"{FOLDER}{name}"
