"""Strategies: configs that are nearly right. Bundled ones whose values, text or bytes have been changed at random."""

from copy import deepcopy
from functools import cache
from pathlib import Path
from typing import Any

import yaml
from hypothesis import strategies as st

from reccl.bundle import available, locate_bundled

LETTERS = st.characters(codec="utf-8")
WORDS = ["", " ", "no", "1e5", "0x1f", "1:30:00", "2024-01-01", "nan", "~", "=", "<<", "table", "lightgcn", "embedding"]
NUMBERS = [0, -1, 1, 2, 2**31, 2**63, 2**64, 10**40, -(10**400), 0.0, -0.0, 0.5, 1e-320, 1e308]
NUMBERS += [float("nan"), float("inf"), float("-inf")]
SCALARS = st.one_of(
    st.sampled_from([None, True, False, *NUMBERS, *WORDS]), st.integers(), st.floats(), st.text(LETTERS, max_size=12)
)
VALUES: st.SearchStrategy[Any] = st.recursive(
    SCALARS,
    lambda inner: st.one_of(
        st.lists(inner, max_size=4),
        st.dictionaries(st.sampled_from(["kind", "weight", "loss", "dimension", "a", "1"]), inner, max_size=4),
    ),
    max_leaves=8,
)
BITS = (
    "&a ", "*a", "<<: *a\n", "!!python/object/apply:os.getcwd []", "!!binary aGk=", "!!set {a}", "!!int x", "? ", "- ",
    "|\n", ">-\n", "\t", "\0", "\a", "\x85", "\u2028", "\ud800", "\ufeff", "---\n", "...\n", "%YAML 1.2\n", "'", '"',
    "[", "]", "{", "}", ":", ": ", "#", ",", "\r", "\r\n", "\n", "\\", "@", "`", "\xff",
)  # fmt: skip
BOMBS = (
    "".join(f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 9) if n else '1'}]\n" for n in range(9)),
    "".join(f"a{n}: &a{n} {{<<: [{', '.join([f'*a{n - 1}'] * 9)}]}}\n" if n else "a0: &a0 {x: 1}\n" for n in range(9)),
    "me: &me {me: *me}\n",
    f"deep: {'[' * 300}{']' * 300}\n",
    f"deep: {'{a: ' * 300}1{'}' * 300}\n",
    "deep: " + "- " * 90 + "1\n",
    "deep:\n" + "".join(f"{' ' * n}-\n" for n in range(1, 90)),
    f"long: {'9' * 5000}\n",
    f"long: 1{':59' * 5000}\n",
    f"long: 0x{'f' * 5000}\n",
    f"wide: [{'1,' * 25_000}]\n",
)  # fmt: skip


@cache
def bundled() -> list[tuple[str, dict[str, Any]]]:
    """Text and values of every bundled config of a run."""
    folder, names = Path(locate_bundled("configs")), available("configs", ".yaml")
    texts = [(folder / f"{name}.yaml").read_text() for name in sorted(names) if not name.startswith("data/")]
    return [(text, yaml.safe_load(text)) for text in texts]


@st.composite
def config_bytes(draw: st.DrawFn) -> bytes:
    """The bytes of a config file."""
    text, values = draw(st.sampled_from(bundled()))
    if draw(st.booleans()):
        changed = deepcopy(values)
        for _ in range(draw(st.integers(1, 3))):
            change_values(draw, changed)
        text = yaml.safe_dump(changed, allow_unicode=draw(st.booleans()), sort_keys=False)
    for _ in range(draw(st.integers(0, 3))):
        text = change_text(draw, text)
    encoded = text.encode("utf-8", "surrogatepass")
    if draw(st.integers(0, 9)) == 0:
        encoded = change_bytes(draw, encoded)
    return encoded


def change_values(draw: st.DrawFn, tree: dict[str, Any]) -> None:
    """Drop, rename or replace one key, add one, or put what stands at one key to another."""
    places = [(section, key) for section in find_sections(tree) for key in section]
    if not places:
        return
    section, key = draw(st.sampled_from(places))
    match draw(st.sampled_from(["replace", "replace", "drop", "rename", "add", "move"])):
        case "replace":
            section[key] = draw(VALUES)
        case "drop":
            del section[key]
        case "rename":
            name = draw(st.sampled_from([key.upper(), f"{key}s", key[1:], key[:-1], f"{key} ", "1", ""]))
            section[name] = section.pop(key)
        case "add":
            section[draw(st.sampled_from(["kind", "weight", "seed", "scorer", "cold_start", "x"]))] = draw(VALUES)
        case "move":
            other, place = draw(st.sampled_from(places))
            other[place] = deepcopy(section[key])


def find_sections(tree: Any) -> list[dict[str, Any]]:
    """The maps of a tree that have keys."""
    inside = tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ()
    below = [section for each in inside for section in find_sections(each)]
    return [tree, *below] if isinstance(tree, dict) and tree else below


def change_text(draw: st.DrawFn, text: str) -> str:
    """Cut, insert, repeat or drop a piece; or add a bomb."""
    start, length = draw(st.integers(0, max(0, len(text) - 1))), draw(st.integers(1, 40))
    before, piece, after = text[:start], text[start : start + length], text[start + length :]
    match draw(st.sampled_from(["insert", "insert", "drop", "repeat", "cut", "bomb"])):
        case "insert":
            return before + draw(st.sampled_from(BITS)) + piece + after
        case "drop":
            return before + after
        case "repeat":
            return before + piece * draw(st.integers(2, 40)) + after
        case "cut":
            return before
        case _:
            return draw(st.sampled_from(["{b}{t}", "{t}{b}"])).format(b=draw(st.sampled_from(BOMBS)), t=text)


def change_bytes(draw: st.DrawFn, content: bytes) -> bytes:
    """Change one byte, put some in, cut, or take some out."""
    place, length = draw(st.integers(0, max(0, len(content) - 1))), draw(st.integers(1, 16))
    match draw(st.sampled_from(["flip", "flip", "insert", "cut", "drop"])):
        case "flip":
            flipped = (content[place] ^ (1 << draw(st.integers(0, 7)))) if content else 0
            return content[:place] + bytes([flipped]) + content[place + 1 :]
        case "insert":
            return content[:place] + draw(st.binary(min_size=1, max_size=8)) + content[place:]
        case "cut":
            return content[:place]
        case _:
            return content[:place] + content[place + length :]
