"""Config errors: what pydantic refuses, one line each: where it was written, what is wrong, what was meant."""

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError

from reccl.errors import did_you_mean, join_names, shorten
from reccl.redaction import redact

KeyPath = tuple[str, ...]
CHOOSERS = ("kind", "class", "pipeline")
"""Keys that choose a part: another value starts the part's section afresh."""


def explain_errors(error: ValidationError, raw: Any, origin: Mapping[KeyPath, str], where: str) -> Iterator[str]:
    """One line for each thing that is wrong: where, which key, what, and what instead."""
    for entry in error.errors(include_url=False):
        key = locate_key(entry["loc"], raw)
        context = entry.get("ctx", {})
        message = entry["msg"].removeprefix("Value error, ")
        match entry["type"]:
            case "union_tag_invalid":
                known = [tag.strip().strip("'") for tag in context["expected_tags"].split(",")]
                near = did_you_mean(str(context["tag"]), known)
                message = f"unknown kind {context['tag']!r}{near}; there are: {join_names(known)}"
            case "union_tag_not_found":
                message = "needs a key 'kind' that says which part it is"
            case "model_attributes_type":
                message = f"needs a section, {{kind: ...}}, not {shorten(entry['input'])}"
            case "missing":
                message = "this key is missing"
            case "unknown_key" | "value_error" | "outside" | "limit":
                pass
            case _:
                message = f"{message[0].lower()}{message[1:]}, not {shorten(entry['input'])}"
        chooser = next((name for name in CHOOSERS if (*key, name) in origin and "[key]" not in entry["loc"]), None)
        dotted = ".".join(key if entry["type"] != "unknown_key" else key[:-1])
        written = find_origin((*key, chooser) if chooser else key, origin) or where
        yield redact(f"{written}: {f'{dotted}: ' if dotted else ''}{message}")


def locate_key(loc: tuple[int | str, ...], raw: Any) -> KeyPath:
    """A pydantic location without the union tags that stand between the file's keys."""
    path: list[str] = []
    loc = tuple(name for name in loc if name != "[key]")  # where pydantic refuses a key of a map
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


def find_origin(key: KeyPath, origin: Mapping[KeyPath, str]) -> str | None:
    """Where the key, or the closest section around it, was written."""
    return next((origin[key[:n]] for n in range(len(key), 0, -1) if key[:n] in origin), None)
