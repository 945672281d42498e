"""Config files: YAML with the line of every key, sections by name, and `dotted.key=value` overrides."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from reccl.bounded_yaml import MAX_CHARACTERS, MAX_DEPTH, parse_yaml
from reccl.bundle import available, find
from reccl.config_errors import CHOOSERS, KeyPath
from reccl.errors import ConfigError, did_you_mean, shorten

TEXT = tuple("@`%*&!|>\t")
"""What text may begin with that is no YAML; brackets and quotation marks are left open by mistake."""


def read_yaml(path: Path) -> tuple[Any, dict[KeyPath, int]]:
    """A YAML file and the line of every key."""
    try:
        with path.open(encoding="utf-8-sig") as file:
            text = file.read(MAX_CHARACTERS + 1)
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"cannot read config {path}: {error}") from None
    values, node = parse_yaml(text, str(path))
    return values, dict(find_keys(node, path))


def find_keys(node: yaml.Node | None, path: Path, prefix: KeyPath = ()) -> Iterator[tuple[KeyPath, int]]:
    """(key path, line) of every key; raises ConfigError where one key is given twice."""
    if isinstance(node, yaml.MappingNode):
        seen: set[str] = set()
        for key, value in node.value:
            if key.value in seen:
                raise ConfigError(f"{path}:{key.start_mark.line + 1}: key {key.value!r} is given twice")
            seen.add(key.value)
            yield (*prefix, key.value), key.start_mark.line + 1
            yield from find_keys(value, path, (*prefix, key.value))


def read_data_section(name: str) -> tuple[dict[str, Any], dict[KeyPath, str]]:
    """The content of configs/data/NAME.yaml, and where each of its keys was written.

    Raises ConfigError with the near names where there is no such data set.
    """
    path, _ = find(f"data/{name}", "configs", ".yaml")
    if path is None:
        known = [key.removeprefix("data/") for key in available("configs", ".yaml") if key.startswith("data/")]
        raise ConfigError(f"no data set {name!r}{did_you_mean(name, known)}; see those in data/ of reccl config list")
    section, lines = read_yaml(path)
    return section, {key: f"{path}:{line}" for key, line in lines.items()}


def parse_override(text: str) -> tuple[KeyPath, Any]:
    """Parse `dotted.key=value`; the value is YAML, or text where it is not, or where YAML would lose it (`#a`, `|`).

    >>> parse_override("data.separator=:"), parse_override("data.header=false")
    ((('data', 'separator'), ':'), (('data', 'header'), False))
    """
    key, equals, value = text.partition("=")
    if not equals or not key.strip():
        raise ConfigError(f"--set {shorten(text)}: write key=value, e.g. --set encoder.dimension=128")
    path = tuple(key.strip().split("."))
    if len(path) > MAX_DEPTH:
        raise ConfigError(f"--set {text[:40]!r}...: the key has {len(path):,} parts; no key has more than {MAX_DEPTH}")
    try:
        parsed = parse_yaml(value, "value")[0]
    except ConfigError as error:
        if value[:1] in TEXT or len(value) == 1:
            return path, value
        reason = str(error).removeprefix("value:1: ").removeprefix("not valid YAML: ")
        raise ConfigError(f"--set {shorten(text)}: the value is not valid YAML: {reason}") from None
    lost = (parsed is None or parsed == "") and value.strip().lower() not in ("", "null", "~", "''", '""')
    return path, value if lost else parsed


def write_override(key: str, value: Any) -> str:
    """What `--set` takes for a value, with numbers to six digits.

    >>> write_override("scorer.weights", {"a": 0.1 + 0.2, "b": None}), write_override("seed", True)
    ('scorer.weights={a: 0.3, b: null}', 'seed=true')
    """

    def tidy(part: Any) -> Any:
        if isinstance(part, dict):
            return {name: tidy(inside) for name, inside in part.items()}
        if isinstance(part, list | tuple):
            return [tidy(inside) for inside in part]
        return float(f"{part:.6g}") if isinstance(part, float) else part

    written = yaml.safe_dump(tidy(value), default_flow_style=True, width=10**6, sort_keys=False)
    plain = written.removesuffix("...\n").strip()
    return f"{key}={plain}"


def starts_afresh(key: KeyPath) -> bool:
    """Whether setting this key starts a section afresh."""
    return key[-1] in CHOOSERS or len(key) == 1


def set_key(raw: dict[str, Any], key: KeyPath, value: Any, *, afresh: bool = False) -> KeyPath:
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
