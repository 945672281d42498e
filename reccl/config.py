"""Experiment: one YAML as one typed object. Load, override, dump."""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Self

import yaml
from pydantic import Field, ValidationError, model_validator

from reccl.bundle import available, find
from reccl.cold_start import ColdStart
from reccl.data.prepare import AnyData
from reccl.encoders import AnyEncoder
from reccl.errors import ConfigError, did_you_mean, listed
from reccl.evaluation import Evaluation
from reccl.scorers import AnyScorer, EmbeddingScorer
from reccl.settings import Settings
from reccl.training import AnyTerm, Training

Path_ = tuple[str, ...]
CHOOSERS = ("kind", "class", "pipeline")
"""Keys that choose a part: another value starts the part's section afresh."""


class Experiment(Settings):
    """Everything that decides a run."""

    name: Annotated[str, Field(min_length=1)]
    """Name of the run."""
    seed: int = 42
    """Seed of initialization, views, negatives and batch order. The split has its own."""
    data: AnyData
    """Raw files, pipeline and split; or the name of a file of configs/data/."""
    encoder: AnyEncoder | None = None
    """What makes embeddings; empty where the scorer needs none."""
    objective: dict[str, AnyTerm] = Field(default_factory=dict)
    """Named terms, summed by weight."""
    scorer: AnyScorer = EmbeddingScorer()
    """What ranks items."""
    cold_start: ColdStart | None = None
    """What places users and items without training rows; empty: they keep what encoder and scorer give them."""
    training: Training = Training()
    """How parameters are fitted."""
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
        names, of_groups = self.evaluation.names(), self.evaluation.names_of_groups()
        if self.training.metric not in (*names, *of_groups):
            near = did_you_mean(self.training.metric, [*names, *of_groups])
            known = f"; there are {listed(names)}, and most of them for groups, as {of_groups[0]}"
            raise ValueError(f"training.metric {self.training.metric!r} is not measured{near or known}")
        return self


def load(name: str | Path, overrides: Sequence[str] = ()) -> Experiment:
    """Read, override and validate a config.

    Args:
        name: a path, or a file of ./configs/ or of the bundled configs, with or without .yaml.
        overrides: `dotted.key=value` texts, the value in YAML; e.g. `encoder.dimension=128`, `data=gowalla`.

    Raises ConfigError that says which key, in which file and line, is wrong, and what was meant.

    """
    path, places = find(str(name), "configs", ".yaml")
    if path is None:
        known = available("configs", ".yaml")
        near = did_you_mean(str(name).removesuffix(".yaml"), known)
        tried = ", ".join(str(place) for place in places if place.suffix == ".yaml")
        raise ConfigError(f"no config {str(name)!r}{near}; tried {tried}; there are: {listed(known)}")
    raw, lines = parsed(path)
    origin = {key: f"{path}:{line}" for key, line in lines.items()}
    return validated(raw, overrides, origin, str(path))


def loads(text: str) -> Experiment:
    """The experiment that `dump` wrote."""
    return validated(yaml.safe_load(text), (), {}, "config")


def dump(experiment: Experiment) -> str:
    """The whole config, defaults included, as YAML that loads to an equal experiment."""
    return yaml.safe_dump(experiment.model_dump(mode="json"), sort_keys=False)


def flat(experiment: Experiment) -> dict[str, Any]:
    """Every leaf by its dotted key."""
    return dict(leaves(experiment.model_dump(mode="json")))


def leaves(tree: Mapping[str, Any], prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Depth-first (dotted key, value)."""
    for key, value in tree.items():
        if isinstance(value, Mapping) and value:
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


def validated(raw: Any, overrides: Sequence[str], origin: dict[Path_, str], where: str) -> Experiment:
    """Expand presets, apply overrides, validate; translate pydantic's errors."""
    if not isinstance(raw, dict):
        raise ConfigError(f"{where} is not a config: it needs keys such as name, data, encoder")
    named = expand(raw, origin)
    changes = [(*change(text), text) for text in overrides]
    for key, value, text in sorted(changes, key=lambda entry: not chooses(entry[0])):  # parts first, then their keys
        replaced = put(raw, key, value, afresh=named and key == ("data", "pipeline"))
        for stale in [written for written in origin if written[: len(replaced)] == replaced and written != replaced]:
            del origin[stale]
        origin.update(
            {key[:n]: f"--set {text}" for n in range(1, len(key) + 1) if n == len(key) or key[:n] not in origin}
        )
        named = expand(raw, origin) or (named and replaced != ("data",))
    try:
        return Experiment.model_validate(raw)
    except ValidationError as error:
        raise ConfigError("\n".join(dict.fromkeys(explained(error, raw, origin, where)))) from None


def parsed(path: Path) -> tuple[Any, dict[Path_, int]]:
    """A YAML file and the line of every key."""
    try:
        text = path.read_text()
        lines = dict(marks(yaml.compose(text, yaml.SafeLoader), path))
        return yaml.safe_load(text), lines
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise ConfigError(f"{path}:{line}: not valid YAML: {error.problem}") from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read config {path}: {error}") from None


def marks(node: yaml.Node | None, path: Path, prefix: Path_ = ()) -> Iterator[tuple[Path_, int]]:
    """(key path, line) of every key; raises ConfigError where one key is given twice."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(f"{path}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
            seen.add(key.value)
            yield (*prefix, key.value), key.start_mark.line + 1
            yield from marks(value, path, (*prefix, key.value))


def expand(raw: dict[str, Any], origin: dict[Path_, str]) -> bool:
    """Replace `data: NAME` by the content of configs/data/NAME.yaml, and say whether a name stood there."""
    if is_name := isinstance(name := raw.get("data"), str):
        path, _ = find(f"data/{name}", "configs", ".yaml")
        if path is None:
            known = [key.removeprefix("data/") for key in available("configs", ".yaml") if key.startswith("data/")]
            raise ConfigError(f"no data set {name!r}{did_you_mean(name, known)}; there are: {listed(known)}")
        raw["data"], lines = parsed(path)
        origin.update({("data", *key): f"{path}:{line}" for key, line in lines.items()})
    return is_name


def change(text: str) -> tuple[Path_, Any]:
    """Parse `dotted.key=value`."""
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {text!r}: write key=value, e.g. --set encoder.dimension=128")
    try:
        return tuple(key.strip().split(".")), yaml.safe_load(value)
    except yaml.YAMLError:
        raise ConfigError(f"--set {text!r}: the value is not valid YAML") from None


def chooses(key: Path_) -> bool:
    """Whether setting this key starts a section afresh."""
    return key[-1] in CHOOSERS or len(key) == 1


def put(raw: dict[str, Any], key: Path_, value: Any, *, afresh: bool = False) -> Path_:
    """Set one key; choosing another part starts its section afresh. Returns which of the two was replaced.

    `afresh` also where the part is the one that was there: a pipeline chosen beside named data is for other files.
    """
    *sections, last = key
    section = raw
    for name in sections:
        if not isinstance(section.get(name), dict):
            section[name] = {}
        section = section[name]
    afresh = afresh or (last in CHOOSERS and section.get(last) != value)
    if afresh:
        section.clear()
    section[last] = value
    return tuple(sections) if afresh else key


def explained(error: ValidationError, raw: Any, origin: Mapping[Path_, str], where: str) -> Iterator[str]:
    """One line for each thing that is wrong: where, which key, what, and what instead."""
    for entry in error.errors(include_url=False):
        key = in_file(entry["loc"], raw)
        context = entry.get("ctx", {})
        message = entry["msg"].removeprefix("Value error, ")
        match entry["type"]:
            case "union_tag_invalid":
                known = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
                near = did_you_mean(str(context["tag"]), known)
                message = f"unknown kind {context['tag']!r}{near}; there are: {listed(known)}"
            case "union_tag_not_found":
                message = "needs a key 'kind' that says which part it is"
            case "missing":
                message = "this key is missing"
            case "unknown_key" | "value_error" | "outside":
                pass
            case _:
                message = f"{message[0].lower()}{message[1:]}, not {entry['input']!r}"
        chooser = next((name for name in CHOOSERS if (*key, name) in origin), None)
        dotted = ".".join(key if entry["type"] != "unknown_key" else key[:-1])
        written = nearest((*key, chooser) if chooser else key, origin) or where
        yield f"{written}: {f'{dotted}: ' if dotted else ''}{message}"


def in_file(loc: tuple[int | str, ...], raw: Any) -> Path_:
    """A pydantic location without the union tags that stand between the file's keys."""
    path: list[str] = []
    for place, name in enumerate(loc):
        if isinstance(raw, dict) and name in raw:
            path.append(str(name))
            raw = raw[name]
        elif isinstance(raw, list) and isinstance(name, int):
            path.append(str(name))
            raw = raw[name] if name < len(raw) else None
        elif place == len(loc) - 1 and isinstance(raw, dict) and raw.get("kind") != name:
            path.append(str(name))
    return tuple(path)


def nearest(key: Path_, origin: Mapping[Path_, str]) -> str | None:
    """Where the key, or the closest section around it, was written."""
    return next((origin[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origin), None)
