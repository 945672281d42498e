"""Constraints: writes constraints.txt, the newest versions that go together on every Python that reccl supports.

    make constraints                          # every version anew
    python scripts/constraints.py --keep      # only what is missing, after a new dependency in pyproject.toml

Lines that end in `# fixed: why` keep their version. uv finds the versions; nothing is installed.
"""

import argparse
import re
import subprocess
import sys
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

ROOT = Path(__file__).parents[1]
FILE = ROOT / "constraints.txt"
HEADER = "# The versions that are tested together (`make constraints` writes them): pip install -c constraints.txt ..."
FIXED = "  # fixed: "
LINE = re.compile(r"([A-Za-z0-9][\w.-]*)==([\w.!]+)(\+[\w.]+)?\s*(#.*)?")
PINNED_BY_TORCH = ("cuda-", "nvidia-", "triton")
"""Prefixes of what torch's builds for CUDA name with their versions; those for the CPU have none of it."""


def read(text: str) -> dict[str, str]:
    r"""Name -> version of every line, without the suffixes of local builds such as +cpu.

    >>> read("numpy==2.4.6\ntorch==2.13.0+cpu  # fixed: why\n# a comment")
    {'numpy': '2.4.6', 'torch': '2.13.0'}
    """
    found = [LINE.fullmatch(line.strip()) for line in text.splitlines()]
    return {normalize(match[1]): match[2] for match in found if match}


def normalize(name: str) -> str:
    """The name as indexes spell it.

    >>> normalize("Jaraco.Classes_x")
    'jaraco-classes-x'
    """
    return re.sub(r"[-_.]+", "-", name).lower()


def reasons(text: str) -> dict[str, str]:
    r"""Name -> why its version is fixed.

    >>> reasons("numpy==2.4.6\ntorch==2.13.0  # fixed: why")
    {'torch': 'why'}
    """
    fixed = [line.partition(FIXED) for line in text.splitlines() if FIXED in line]
    return {normalize(pin.partition("==")[0]): why.strip() for pin, _, why in fixed}


def render(versions: Mapping[str, str], why: Mapping[str, str]) -> str:
    """The file: a name and a version a line, sorted."""
    kept = {name: version for name, version in versions.items() if not name.startswith(PINNED_BY_TORCH)}
    lines = [f"{name}=={kept[name]}{FIXED + why[name] if name in why else ''}" for name in sorted(kept)]
    return "\n".join([HEADER, *lines]) + "\n"


def supported_pythons() -> list[str]:
    """The versions of Python that pyproject.toml names, oldest first."""
    return re.findall(r"Python :: (3\.\d+)", (ROOT / "pyproject.toml").read_text())


def resolve(python: str, *options: str, constraints: str = "", prefer: str = "") -> dict[str, str]:
    """What uv chooses on a Python: `constraints` must hold, versions of `prefer` stay where they can.

    Raises SystemExit with what uv says where nothing fits.
    """
    with tempfile.TemporaryDirectory() as place:
        limits, out = Path(place) / "constraints.txt", Path(place) / "out.txt"
        limits.write_text(constraints)
        out.write_text(prefer)
        command = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--no-header", "--no-annotate"]
        command += ["--python-platform", "x86_64-manylinux_2_28", "--python-version", python]
        command += ["--constraint", str(limits), "--output-file", str(out), *options, str(ROOT / "pyproject.toml")]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
        if done.returncode:
            raise SystemExit(f"Python {python}: {done.stderr.strip()}")
        return read(out.read_text())


def refresh(text: str, *, keep: bool) -> str:
    """The new content of the file: chosen on the oldest Python, and held to on the others, which may need more."""
    why, before = reasons(text), read(text)
    pins = {name: before[name] for name in why}
    versions: dict[str, str] = {}
    for python in supported_pythons():
        held = "".join(f"{name}=={version}\n" for name, version in {**pins, **versions}.items())
        prefer = "".join(f"{name}=={version}\n" for name, version in before.items()) if keep else ""
        versions = {**resolve(python, "--all-extras", constraints=held, prefer=prefer), **versions}
    return render(versions, why)


def main(words: Sequence[str] | None = None) -> None:
    """Write the file, and print what changed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--keep", action="store_true", help="keep the versions that are there")
    chosen = parser.parse_args(words)
    before = FILE.read_text()
    after = refresh(before, keep=chosen.keep)
    FILE.write_text(after)
    old, new = read(before), read(after)
    for name in sorted(old.keys() | new.keys()):
        if old.get(name) != new.get(name):
            print(f"{name}: {old.get(name, 'not there')} -> {new.get(name, 'gone')}")


if __name__ == "__main__":
    main()
