"""Strategies: damage to a stored folder. Bytes of a file changed, files cut, emptied, swapped or gone, other JSON."""

import json
import shutil
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from tests.robustness.fuzz_configs import VALUES, change_bytes

Damage = dict[str, bytes | None]
"""What the files hold afterwards; None: it is gone."""


@st.composite
def damages(draw: st.DrawFn, whole: dict[str, bytes]) -> Damage:
    """What one or two changes make of the files of a folder."""
    files: Damage = dict(whole)
    for _ in range(draw(st.integers(1, 2))):
        name = draw(st.sampled_from(sorted(whole)))
        content = files[name] or b""
        match draw(st.sampled_from(["bytes", "bytes", "bytes", "json", "json", "gone", "empty", "swap", "append"])):
            case "bytes":
                files[name] = change_bytes(draw, content)
            case "json" if name.endswith(".json"):
                files[name] = change_json(draw, whole[name])
            case "gone":
                files[name] = None
            case "empty":
                files[name] = b""
            case "swap":
                files[name] = whole[draw(st.sampled_from(sorted(whole)))]
            case _:
                files[name] = content + draw(st.binary(min_size=1, max_size=8))
    return files


def change_json(draw: st.DrawFn, content: bytes) -> bytes:
    """One value replaced, or dropped, or the whole."""
    tree: Any = json.loads(content)
    places = list(find_places(tree))
    if not places or draw(st.integers(0, 9)) == 0:
        return json.dumps(draw(VALUES), default=str).encode()
    holder, key = draw(st.sampled_from(places))
    if isinstance(holder, dict) and draw(st.booleans()):
        del holder[key]
    else:
        holder[key] = draw(VALUES)
    return json.dumps(tree, default=str).encode()


def find_places(tree: Any) -> list[tuple[Any, Any]]:
    """Every map and list with each of its keys."""
    pairs = tree.items() if isinstance(tree, dict) else enumerate(tree) if isinstance(tree, list) else ()
    return [place for key, value in pairs for place in ((tree, key), *find_places(value))]


def read_files(folder: Path) -> dict[str, bytes]:
    """The files of a folder."""
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def lay_files(folder: Path, files: Damage) -> None:
    """Make the folder hold these files."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name, content in files.items():
        if content is not None:
            (folder / name).write_bytes(content)
