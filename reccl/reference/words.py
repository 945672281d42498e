"""Words: types and default values as a reader of YAML would write them."""

import types
from collections.abc import Iterable, Mapping
from enum import Enum
from pathlib import Path
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import annotated_types
import yaml
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from reccl.reference.rooms import anchor, members, room_of
from reccl.settings import Settings

NOUNS = {
    "Any": ("any value", "any values"),
    "NoneType": ("null", "nulls"),
    "Path": ("path", "paths"),
    "bool": ("true or false", "true or false"),
    "date": ("date", "dates"),
    "datetime": ("date and time", "dates and times"),
    "float": ("number", "numbers"),
    "int": ("integer", "integers"),
    "str": ("text", "texts"),
}
"""One, and several."""
SECTIONS = {"ColdStart": "cold_start", "Data": "data", "Evaluation": "evaluation", "FeatureSchema": "data.features"}
SECTIONS |= {"Events": "data.events", "Training": "training"}
"""Chapters of classes that are no parts."""


def describe_type(kind: Any, metadata: Iterable[Any] = (), several: bool = False) -> str:
    """A type in words, with the bounds of a number; parts and sections are links to their chapters.

    >>> describe_type(float | None), describe_type(tuple[int, ...]), describe_type(Literal["adam", "adamw"])
    ('number or null', 'list of integers', '`adam` or `adamw`')
    >>> describe_type(float, [annotated_types.Ge(0), annotated_types.Lt(1)])
    'number in [0, 1)'
    """
    origin, inner = get_origin(kind), get_args(kind)
    if origin is Annotated and not members(kind):
        return describe_type(inner[0], [*inner[1:], *metadata], several)
    if origin is Literal:
        return alternatives([f"`{yaml_text(value)}`" for value in inner])
    if found := members(kind) if origin in (Union, types.UnionType, Annotated) or isinstance(kind, type) else set():
        return parts(kind, found, several) + (" or null" if type(None) in inner else "")
    if origin in (Union, types.UnionType):
        return alternatives(list(dict.fromkeys(describe_type(entry, metadata, several) for entry in inner)))
    if origin in (tuple, list):
        return f"{'lists' if several else 'list'} of {describe_type(inner[0], several=True)}"
    if origin in (dict, Mapping) or str(origin) == "<class 'collections.abc.Mapping'>":
        return f"map of names to {describe_type(inner[1], several=True)}"
    name = str(getattr(kind, "__name__", kind))
    return NOUNS.get(name, (name, name))[several] + bounds(metadata)


def parts(kind: Any, found: set[type[Settings]], several: bool) -> str:
    """A union of parts, or one section, as a link to its chapter."""
    room = room_of(kind)
    if room:
        return f"[{'parts' if several else 'part'}]({anchor(room)})"
    title = SECTIONS.get(next(iter(found)).__name__)
    return f"[section]({anchor(title)})" if title else "section"


def alternatives(words: list[str]) -> str:
    """a, b or c."""
    return " or ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def bounds(metadata: Iterable[Any]) -> str:
    """The interval of a number, as mathematics writes it, or nothing."""
    limits: dict[str, Any] = {}
    for entry in metadata:
        for limit in entry.metadata if isinstance(entry, FieldInfo) else [entry]:
            if isinstance(limit, annotated_types.Ge | annotated_types.Gt | annotated_types.Le | annotated_types.Lt):
                limits |= {name: getattr(limit, name) for name in ("ge", "gt", "le", "lt") if hasattr(limit, name)}
    low = f"[{short(limits['ge'])}" if "ge" in limits else f"({short(limits['gt'])}" if "gt" in limits else ""
    high = f"{short(limits['le'])}]" if "le" in limits else f"{short(limits['lt'])})" if "lt" in limits else ""
    if low and high:
        return f" in {low}, {high}"
    signs = {"ge": ">=", "gt": ">", "le": "<=", "lt": "<"}
    return "".join(f" {signs[name]} {short(value)}" for name, value in limits.items())


def short(value: float) -> str:
    """A number without needless digits."""
    return f"{value:g}"


def write_default(default: Any) -> str:
    """A default value as it would be written in YAML; a key without one is required.

    >>> tuple(map(write_default, [None, True, (10, 20), Path("train.txt"), {}]))
    ('`null`', '`true`', '`[10, 20]`', '`train.txt`', '`{}`')
    """
    return "**required**" if default in (PydanticUndefined, ...) else f"`{yaml_text(default)}`"


def yaml_text(value: Any) -> str:
    """A value as YAML on one line."""
    text = yaml.safe_dump(plain(value), default_flow_style=True, width=float("inf"), sort_keys=False)
    return text.removesuffix("\n").removesuffix("\n...").strip()


def plain(value: Any) -> Any:
    """A value out of what YAML knows; of a part, its kind and the keys that differ from its defaults."""
    if isinstance(value, Settings):
        kind = {"kind": value.kind} if hasattr(value, "kind") else {}
        fields = [(name, getattr(value, name), info.default) for name, info in type(value).model_fields.items()]
        own = [(name, entry) for name, entry, default in fields if name in value.model_fields_set and entry != default]
        return kind | {name: plain(entry) for name, entry in own if name != "kind"}
    if isinstance(value, Mapping):
        return {str(key): plain(entry) for key, entry in value.items()}
    if isinstance(value, list | tuple):
        return [plain(entry) for entry in value]
    if isinstance(value, Path | Enum):
        return str(value)
    return value
