"""Reference: every config key with its type, default and meaning, written from the classes themselves."""

import types
from collections.abc import Iterator
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic_core import PydanticUndefined

from reccl.cold_start import AnyItemFeatureModel, AnyUserFeatureModel, ColdStart
from reccl.config import Experiment
from reccl.data.features import AnyFeature, FeatureSchema
from reccl.data.ingest import pipelines
from reccl.data.settings import Data
from reccl.data.splits import AnySplit
from reccl.encoders import AnyEncoder
from reccl.encoders.initialization import AnyInitialization
from reccl.evaluation import Evaluation
from reccl.losses import AnyLoss
from reccl.negatives import AnyNegatives
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings
from reccl.training import AnyTerm, Training
from reccl.training.temperatures import AnyTemperature
from reccl.views import AnyView

ROOMS: dict[str, Any] = {
    "data.features.SIDE.COLUMN": AnyFeature,
    "data.split": AnySplit,
    "encoder": AnyEncoder,
    "encoder.initialization": AnyInitialization,
    "objective.NAME": AnyTerm,
    "loss": AnyLoss,
    "negatives": AnyNegatives,
    "temperature": AnyTemperature,
    "view": AnyView,
    "scorer": AnyScorer,
    "cold_start.items": AnyItemFeatureModel,
    "cold_start.users": AnyUserFeatureModel,
}
PIPELINES = ("adjacency", "movielens", "table")


def reference() -> str:
    """The whole reference as Markdown."""
    return "\n".join([*opening(), *chapters()]).rstrip() + "\n"


def opening() -> Iterator[str]:
    """What stands above the chapters."""
    yield "# Config reference"
    yield ""
    yield "Written by `reccl config reference`. A config is one YAML with these keys; a part is chosen by its `kind`,"
    yield "or by `class: my_package.module.MySettings` for one of your own. `--set a.b=value` overrides a key; another"
    yield "`kind` or `pipeline` starts its section from its defaults. `data: NAME` takes `configs/data/NAME.yaml`."
    yield ""


def chapters() -> Iterator[str]:
    """A chapter for the experiment, its fixed sections, and every room of parts."""
    yield from section("Experiment", Experiment, "##")
    yield from section("data", Data, "##")
    yield from section("data.features", FeatureSchema, "##")
    for name in PIPELINES:
        run = pipelines.load(name).run
        yield f"### pipeline: {name}\n"
        yield prose((run.__doc__ or "").strip()) + "\n"
        yield from table(
            {key: (plain(kind), info.default) for key, (kind, info) in pipelines.load(name).arguments().items()}
        )
    yield from section("training", Training, "##")
    yield from section("cold_start", ColdStart, "##")
    yield from section("evaluation", Evaluation, "##")
    for room, union in ROOMS.items():
        yield f"## {room}\n"
        for part in sorted(members(union), key=lambda cls: cls.__name__):
            yield from section(f"kind: {part.model_fields['kind'].default}", part, "###")


def section(title: str, cls: type[Settings], level: str) -> Iterator[str]:
    """One class: its docstring and its keys."""
    yield f"{level} {title}\n"
    yield prose(cls.__doc__ or "") + "\n"
    rows = ["| key | type | default | meaning |", "|---|---|---|---|"]
    for name, info in cls.model_fields.items():
        if name != "kind":
            default = info.get_default(call_default_factory=True, validated_data={})
            rows.append(f"| `{name}` | {plain(info.annotation)} | {shown(default)} | {cell(info.description or '')} |")
    if len(rows) > 2:
        yield "\n".join(rows) + "\n"


def table(arguments: dict[str, tuple[str, Any]]) -> Iterator[str]:
    """The arguments of a pipeline."""
    rows = ["| key | type | default |", "|---|---|---|"]
    rows += [f"| `{name}` | {kind} | {shown(default)} |" for name, (kind, default) in arguments.items()]
    yield "\n".join(rows) + "\n"


def members(union: Any) -> set[type[Settings]]:
    """The Settings classes of a (nested, annotated) union."""
    if isinstance(union, type) and issubclass(union, Settings):
        return {union}
    inner = get_args(union)[:1] if get_origin(union) is Annotated else get_args(union)
    return {cls for entry in inner for cls in members(entry)}


def plain(kind: Any) -> str:
    """A type in words."""
    if kind is type(None):
        return "empty"
    if get_origin(kind) is Annotated:
        return plain(get_args(kind)[0])
    if get_origin(kind) is Literal:
        return ", ".join(f"`{str(value).lower() if isinstance(value, bool) else value}`" for value in get_args(kind))
    if get_origin(kind) in (Union, types.UnionType):
        if found := members(kind):
            return "part" + (" or empty" if type(None) in get_args(kind) else "") if len(found) > 1 else "section"
        return " or ".join(dict.fromkeys(plain(entry) for entry in get_args(kind)))
    if get_origin(kind) in (tuple, list):
        return f"list of {plain(get_args(kind)[0])}"
    if get_origin(kind) is dict:
        return f"named {plain(get_args(kind)[1])}s"
    if isinstance(kind, type) and issubclass(kind, Settings):
        return "section"
    words = {"int": "integer", "float": "number", "str": "text", "bool": "true or false", "Path": "path"}
    return words.get(getattr(kind, "__name__", str(kind)), getattr(kind, "__name__", str(kind)))


def shown(default: Any) -> str:
    """A default value as it would be written in YAML."""
    if default is PydanticUndefined or default is ...:
        return "**needed**"
    if default is None:
        return "empty"
    if isinstance(default, Settings):
        return f"`{getattr(default, 'kind', '{}')}`"
    if isinstance(default, bool):
        return f"`{str(default).lower()}`"
    if isinstance(default, tuple):
        return f"`{list(default)}`"
    return f"`{default}`"


def cell(text: str) -> str:
    """Text on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")


def prose(text: str) -> str:
    """A docstring without its indentation."""
    return "\n".join(line.strip() for line in text.strip().splitlines())
