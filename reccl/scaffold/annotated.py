"""Annotated: settings as YAML, beside every key what it does and, where a part is chosen, what else there is."""

import re
import textwrap
from collections.abc import Iterator, Mapping
from typing import Any, get_args, get_origin

import yaml

from reccl.reference import members
from reccl.settings import Settings

COMMENT = 40
"""Column in which comments begin."""
WIDTH = 120


def annotate(raw: Mapping[str, Any], settings: Settings) -> list[str]:
    """The keys that `raw` writes as lines of YAML, with what `settings` (which they were read into) says of them.

    Kinds that a part could have instead are named where they first come up.
    """
    return list(_Annotation().section(raw, settings, 0, None))


class _Annotation:
    """One document, and the unions of parts that have been written about in it."""

    def __init__(self) -> None:
        self.told: set[frozenset[str]] = set()

    def section(self, raw: Mapping[str, Any], settings: Settings, indent: int, union: Any) -> Iterator[str]:
        """The lines of one section; `union` is the type of all parts that could stand in its place."""
        meanings = settings.meanings()
        for key, value in raw.items():
            field, inside = type(settings).model_fields[key], getattr(settings, key)
            about = self.alternatives(settings, union) if key == "kind" else sentence(meanings.get(key, ""))
            if isinstance(inside, Settings) and isinstance(value, Mapping):
                yield from line(f"{key}:", about, indent)
                yield from self.section(value, inside, indent + 2, field.annotation)
            elif isinstance(inside, Mapping) and any(isinstance(part, Settings) for part in inside.values()):
                yield from line(f"{key}:", about, indent)
                for name, part in value.items():
                    yield " " * (indent + 2) + f"{name}:"
                    yield from self.section(part, inside[name], indent + 4, field.annotation)
            else:
                yield from line(f"{key}: {flow(value)}", about, indent)

    def alternatives(self, settings: Settings, union: Any) -> str:
        """The other kinds that may stand here; empty where they were named before."""
        kinds = frozenset(cls.model_fields["kind"].default for cls in parts_of(union) if "kind" in cls.model_fields)
        others = sorted(kinds - {getattr(settings, "kind", None)})
        if not others or kinds in self.told:
            return ""
        self.told.add(kinds)
        return f"Or: {', '.join(others)}."


def parts_of(union: Any) -> set[type[Settings]]:
    """The parts that a type allows; of dict[str, part] those of the part."""
    return members(get_args(union)[1] if get_origin(union) is dict else union)


def line(written: str, about: str, indent: int) -> Iterator[str]:
    """One key with its comment beside it; the comment goes on below where it is long."""
    start = " " * indent + written
    words = textwrap.wrap(about, WIDTH - COMMENT - 2)
    if not words:
        yield start
        return
    yield f"{start:<{COMMENT - 2}}  # {words[0]}"
    for more in words[1:]:
        yield f"{'':<{COMMENT}}# {more}"


def sentence(text: str) -> str:
    """The first sentence of a description, on one line.

    >>> sentence("Components (D).  More is slower. And so on.")
    'Components (D).'
    """
    return re.split(r"(?<=\.)\s(?=[A-Z])", " ".join(text.split()), maxsplit=1)[0]


def flow(value: Any) -> str:
    """A value on one line of YAML."""
    return yaml.safe_dump(value, default_flow_style=True, width=10_000).removesuffix("\n").removesuffix("\n...")
