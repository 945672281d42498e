"""Chapters: the config reference from its first line to its last."""

from collections.abc import Iterator

from reccl.cold_start import ColdStart
from reccl.config import Experiment
from reccl.data.features import FeatureSchema
from reccl.data.ingest import pipelines
from reccl.data.ingest.events import Events
from reccl.data.settings import Data
from reccl.evaluation import Evaluation
from reccl.reference.meanings import of_class, of_pipeline
from reccl.reference.rooms import ROOMS, WHERE, members
from reccl.reference.words import describe_type, write_default
from reccl.settings import Settings
from reccl.training import Training

PIPELINES = ("adjacency", "movielens", "table")
OPENING = """\
# Config reference

Written by `reccl config reference`. A config is one YAML with these keys; a part is chosen by its `kind`,
or by `class: my_package.module.MySettings` for one of your own. `--set a.b=value` overrides a key; another
`kind` or `pipeline` starts its section from its defaults. `data: NAME` takes `configs/data/NAME.yaml`.

A default of `null` leaves the key empty. Intervals are written as in mathematics: a number in [0, 1) may be 0, not 1.
"""
Row = tuple[str, str, str, str]


def reference() -> str:
    """The whole reference as Markdown."""
    return "\n".join([OPENING, *chapters()]).rstrip() + "\n"


def chapters() -> Iterator[str]:
    """A chapter for the experiment, its fixed sections, and every room of parts."""
    yield from section("Experiment", Experiment, "##")
    yield from section("data", Data, "##")
    for name in PIPELINES:
        yield from pipeline(name)
    yield from section("data.events", Events, "##")
    yield from section("data.features", FeatureSchema, "##")
    yield from section("training", Training, "##")
    yield from section("cold_start", ColdStart, "##")
    yield from section("evaluation", Evaluation, "##")
    for room, union in ROOMS.items():
        yield f"## {room}\n"
        yield f"{WHERE[room]}\n"
        for part in sorted(members(union), key=lambda cls: str(cls.model_fields["kind"].default)):
            yield from section(f"kind: {part.model_fields['kind'].default}", part, "###")


def section(title: str, cls: type[Settings], level: str) -> Iterator[str]:
    """One class: its docstring and its keys."""
    yield f"{level} {title}\n"
    yield of_class(cls) + "\n"
    rows, meanings = [], cls.meanings()
    for name, info in cls.model_fields.items():
        if name != "kind":
            default = info.get_default(call_default_factory=True, validated_data={})
            rows.append(
                (name, describe_type(info.annotation, info.metadata), write_default(default), meanings.get(name, ""))
            )
    yield from table(rows)


def pipeline(name: str) -> Iterator[str]:
    """One pipeline: its docstring and its arguments."""
    loaded = pipelines.load(name)
    arguments = loaded.arguments()
    about, meanings = of_pipeline(loaded.function.__doc__ or "", arguments)
    yield f"### pipeline: {name}\n"
    yield f"{about}\n"
    yield from table(
        [
            (key, describe_type(kind), write_default(info.default), meanings.get(key, ""))
            for key, (kind, info) in arguments.items()
        ]
    )


def table(rows: list[Row]) -> Iterator[str]:
    """Keys with type, default and meaning; nothing where there are no keys."""
    if rows:
        lines = ["| key | type | default | meaning |", "|---|---|---|---|"]
        lines += [f"| `{key}` | {cell(kind)} | {cell(default)} | {cell(about)} |" for key, kind, default, about in rows]
        yield "\n".join(lines) + "\n"


def cell(text: str) -> str:
    """Text on one line of a table."""
    return " ".join(text.split()).replace("|", "\\|")
