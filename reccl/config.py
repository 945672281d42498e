"""Experiment: one YAML as one typed object. Load, override, dump."""

import os
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from copy import deepcopy
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Any, Self

import yaml
from pydantic import AfterValidator, Field, ValidationError, model_validator

from reccl.bounded_yaml import check_size, parse_yaml, value_children
from reccl.bundle import available, find
from reccl.cold_start import ColdStart
from reccl.config_errors import KeyPath, explain_errors, locate_key
from reccl.config_file import parse_override, read_data_section, read_yaml, set_key, starts_afresh
from reccl.data.ingest.pipelines import find_pipeline, is_bundled
from reccl.data.settings import AnyData, Data
from reccl.encoders import AnyEncoder
from reccl.errors import ConfigError, cut, did_you_mean, join_names, shorten
from reccl.evaluation import Evaluation
from reccl.scorers import EmbeddingScorer
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings
from reccl.training import AnyTerm, Training
from reccl.training.pilot import Pilot
from reccl.trust import module_files, restrict_code

TERM = re.compile(r"\w[\w.-]{0,99}")


def check_name(name: str) -> str:
    """The name of a run, which stands in lists: one line, no control characters."""
    if not name.isprintable() or not name.strip():
        raise ValueError(f"name {shorten(name)} has characters that cannot be shown; use letters, digits, spaces")
    return name


def check_term(name: str) -> str:
    """The name of a term, by which its loss is recorded."""
    if not TERM.fullmatch(name):
        raise ValueError(f"{shorten(name)} cannot name a term; use letters, digits, _, - and . (at most 100)")
    return name


TEXT_WANTED = ("string_type", "path_type")
"""Pydantic's errors where a value should have been text."""


class Experiment(Settings):
    """Everything that decides a run."""

    name: Annotated[str, Field(min_length=1, max_length=200), AfterValidator(check_name)]
    """Name of the run."""
    seed: int = 42
    """Seed of initialization, views, negatives and batch order. The split has its own."""
    deterministic: bool = False
    """true: the same bits with any number of threads, computed by one; on CUDA, only operations that repeat to the bit.
    Slower; see Determinism."""
    data: AnyData
    """Raw files, pipeline and split; or the name of a file of configs/data/."""
    encoder: AnyEncoder | None = None
    """What makes embeddings; empty where the scorer needs none."""
    objective: dict[Annotated[str, AfterValidator(check_term)], AnyTerm] = Field(default_factory=dict)
    """Named terms, summed by weight."""
    scorer: AnyScorer = EmbeddingScorer()
    """What ranks items."""
    cold_start: ColdStart | None = ColdStart()
    """What places users and items without training rows by their features, where the data has features; null: they keep
    what encoder and scorer give them."""
    training: Training = Training()
    """How parameters are fitted."""
    pilot: Pilot | None = None
    """Short trainings that choose settings on validation rows first; empty: everything is as it is written."""
    evaluation: Evaluation = Evaluation()
    """What is measured."""

    @model_validator(mode="after")
    def _agree(self) -> Self:
        """Refuse parts that do not fit together."""
        if self.encoder is None and self.scorer.needs_embeddings():
            kind = getattr(self.scorer, "kind", type(self.scorer).__name__)
            raise ValueError(f"scorer {kind!r} needs an encoder section; or choose scorer.kind=popularity")
        if self.encoder is not None and not any(term.weight for term in self.objective.values()):
            raise ValueError("an encoder needs an objective with at least one term of weight > 0")
        self._check_propagation()
        self._check_metric()
        self.candidates()
        return self

    def _check_propagation(self) -> None:
        """Refuse terms that need all of the encoder's rows where it computes some only."""
        alone = self.encoder and self.encoder.needs_rows_alone()
        if not alone:
            return
        beyond = {name: term.looks_beyond_rows() for name, term in self.objective.items() if term.weight}
        if needy := [f"objective.{name} ({what})" for name, what in beyond.items() if what]:
            raise ValueError(
                f"encoder.{alone} goes with ranking, user_item, full_softmax with candidates, of the plain view, and "
                f"l2, not with {join_names(needy)}: set encoder.propagation.kind=full"
            )

    def candidates(self) -> dict[str, "Experiment"]:
        """What the pilot tries, by name: experiments without a pilot. Raises ValueError where one is none."""
        made = {}
        for name, changes in self.pilot.candidates.items() if self.pilot else ():
            try:
                made[name] = resolve(self.model_copy(update={"pilot": None}), changes)
            except ConfigError as error:
                raise ValueError(f"pilot.candidates.{name}: {error} (pilot=null tries none)") from None
        return made

    def _check_metric(self) -> None:
        """Refuse a training metric that is not measured; without epochs to choose among its cutoff may be any."""
        metric, evaluation = self.training.metric, self.evaluation
        kind, _, cutoff = metric.rpartition("_at_")
        if self.encoder is None and re.fullmatch(r"[1-9]\d{0,8}", cutoff):
            evaluation = evaluation.model_copy(update={"cutoffs": (*evaluation.cutoffs, int(cutoff))})
        names, of_groups = evaluation.metric_names(), evaluation.group_metric_names()
        if metric in (*names, *of_groups):
            return
        near = did_you_mean(metric, [*names, *of_groups])
        known = f"; there are {join_names(names)}, and most of them for groups, as {of_groups[0]}"
        known_kind = any(name.startswith(f"{kind}_at_") for name in (*names, *of_groups))
        more = f" Or add {cutoff} to evaluation.cutoffs" if known_kind and cutoff.isdigit() else ""
        raise ValueError(f"training.metric {metric!r} is not measured{near or known}{more}")


def load(name: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read, override and validate a config.

    Args:
        name: a path, or a file of ./configs/ or of the bundled configs, with or without .yaml.
        overrides: `dotted.key=value` texts, the value in YAML; e.g. `encoder.dimension=128`, `data=gowalla`.

    Raises ConfigError that names the wrong key with its file and line, and the nearest allowed one.

    """
    raw, origin, path = read(name)
    return validate(raw, overrides, origin, path)


def resolve(config: "str | Path | Mapping[str, Any] | Experiment", sections: Mapping[str, Any]) -> Experiment:
    """A config from a name, a path, a dict or an Experiment, with some keys set anew.

    Args:
        config: what `load` takes, a dict of the same keys, or an Experiment.
        sections: nested keys to set, e.g. {"encoder": {"dimension": 128}, "seed": 7}; those that are not named stay.

    Raises ConfigError as `load` does.

    """
    origin: dict[KeyPath, str] = {}
    check_size(sections, value_children, "the keys to set")
    if isinstance(config, Mapping):
        check_size(config, value_children, "the config")
    if isinstance(config, Experiment):
        raw, where = {**config.model_dump(), "data": config.data}, f"experiment {config.name}"
    elif isinstance(config, Mapping):
        raw, where = deepcopy(dict(config)), "the config"
    else:
        raw, origin, where = read(config)
    changes = [(tuple(key.split(".")), value, f"{key}={shorten(value)}") for key, value in iterate_leaves(sections)]
    return with_changes(raw, changes, origin, where)


def read(name: str | Path) -> tuple[Any, dict[KeyPath, str], str]:
    """A config file as plain values, where each of its keys was written, and its path."""
    path, places = find(str(name), "configs", ".yaml")
    if path is None:
        known = available("configs", ".yaml")
        near = did_you_mean(str(name).removesuffix(".yaml"), known)
        tried = ", ".join(str(place) for place in places if place.suffix == ".yaml")
        raise ConfigError(f"no config {str(name)!r}{near}; tried {tried}; see reccl config list")
    raw, lines = read_yaml(path)
    return raw, {key: f"{path}:{line}" for key, line in lines.items()}, str(path)


def loads(text: str, passwords: Sequence[str] = (), *, trust: bool = False) -> Experiment:
    """The experiment that `dump` wrote. Raises ConfigError where it names code that is not trusted.

    Args:
        text: the config of a stored run.
        passwords: `dotted.key=value` texts that give again what `dump` left out, `***`, and change nothing else;
            `$NAME` in them is taken from the environment.
        trust: run the code that it names, whoever wrote it; see `reccl.trust`.

    """
    given = [os.path.expandvars(each) for each in passwords]
    with restrict_code(not trust):
        stored, filled = (validate(parse_yaml(text, "config")[0], each, {}, "config") for each in ((), given))
    if dump(filled) != dump(stored):
        raise ConfigError(
            "--set: a stored config is only given the passwords again that it leaves out (***), in the same place; "
            "$NAME may stand for a variable that is exported; to change anything else, train anew"
        )
    return filled


def own_code(part: Any) -> Iterator[Path]:
    """The files with code that a config names: its pipeline and its parts, where they did not come with reccl."""
    if isinstance(part, Data) and (path := find_pipeline(part.pipeline)[0]) and not is_bundled(path):
        yield path.resolve()
    if isinstance(part, Settings):
        module = type(part).__module__
        if not module.startswith("reccl."):
            yield from module_files(module)
        inside: Iterable[Any] = (getattr(part, name) for name in type(part).model_fields)
    else:
        inside = part.values() if isinstance(part, Mapping) else part if isinstance(part, list | tuple) else ()
    for each in inside:
        yield from own_code(each)


def dump(experiment: Experiment) -> str:
    """The whole config, defaults included, as YAML that loads to an equal experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False)


def flatten(experiment: Experiment) -> dict[str, Any]:
    """Every leaf by its dotted key."""
    return dict(iterate_leaves(experiment.model_dump(mode="json")))


def iterate_leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Depth-first (dotted key, value)."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from iterate_leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def validate(raw: Any, overrides: Sequence[str], origin: dict[KeyPath, str], where: str) -> Experiment:
    """Apply overrides of the command line and validate."""
    written = [(*parse_override(text), text) for text in overrides]
    changes = [(path, value, f"--set {cut(text)}") for path, value, text in written]
    return with_changes(raw, changes, origin, where, {path: text.partition("=")[2] for path, _, text in written})


def with_changes(
    raw: Any,
    changes: Sequence[tuple[KeyPath, Any, str]],
    origin: dict[KeyPath, str],
    where: str,
    texts: Mapping[KeyPath, str] = MappingProxyType({}),
) -> Experiment:
    """Expand presets, set keys (key path, value, how it was written), validate; translate pydantic's errors.

    `texts` are values as they were written: what a key takes that wants text and was given what YAML made of it, such
    as a number for 007.
    """
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is not a config: it needs keys such as name, data, encoder")
    named = expand_data(raw, origin)
    for key, value, text in sorted(
        changes, key=lambda entry: not starts_afresh(entry[0])
    ):  # parts first, then their keys
        replaced = set_key(raw, key, value, afresh=named and key == ("data", "pipeline"))
        for stale in [written for written in origin if written[: len(replaced)] == replaced and written != replaced]:
            del origin[stale]
        origin.update({key[:n]: text for n in range(1, len(key) + 1) if n == len(key) or key[:n] not in origin})
        named = expand_data(raw, origin) or (named and replaced != ("data",))
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        wanted = {locate_key(entry["loc"], raw) for entry in error.errors() if entry["type"] in TEXT_WANTED}
        if again := wanted & texts.keys():
            for key in again:
                set_key(raw, key, texts[key])
            left = {key: text for key, text in texts.items() if key not in again}
            return with_changes(raw, (), origin, where, left)
        raise ConfigError("\n".join(dict.fromkeys(explain_errors(error, raw, origin, where)))) from None


def expand_data(raw: dict[str, Any], origin: dict[KeyPath, str]) -> bool:
    """Replace `data: NAME` by the content of configs/data/NAME.yaml, and return whether `data` was a name."""
    if is_name := isinstance(name := raw.get("data"), str):
        raw["data"], lines = read_data_section(name)
        origin.update({("data", *key): line for key, line in lines.items()})
    return is_name
