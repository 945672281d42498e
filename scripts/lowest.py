"""Lowest: the lowest versions that pyproject.toml allows, as constraints for pip (`make test-lowest`).

    python scripts/lowest.py > lowest.txt

uv finds them on the oldest Python: each direct dependency at its lower bound, what those need at its newest. A bound
that no environment can have, since another dependency asks for more, is an error: raise it.
"""

import re
import tomllib
from collections.abc import Iterable, Mapping

from scripts.constraints import ROOT, normalize, resolve, supported_pythons

EXTRAS = ("database", "dev", "docs")
"""The extras that the tests need."""
BOUND = re.compile(r"([\w.-]+)(?:\[[\w,-]+\])?>=([\w.]+)")


def lower_bounds(requirements: Iterable[str]) -> dict[str, str]:
    """Name -> lowest version of requirements. Raises SystemExit where one has none.

    >>> lower_bounds(["mlflow>=3.17,<3.18", "mkdocstrings[python]>=1.0"])
    {'mlflow': '3.17', 'mkdocstrings': '1.0'}
    """
    found = {requirement: BOUND.match(requirement) for requirement in requirements}
    if loose := [requirement for requirement, match in found.items() if match is None]:
        raise SystemExit(f"pyproject.toml: no lower bound: {', '.join(loose)}")
    return {normalize(match[1]): match[2] for match in found.values() if match}


def false_bounds(bounds: Mapping[str, str], versions: Mapping[str, str]) -> list[str]:
    """Lines about bounds that are lower than what can be had.

    >>> false_bounds({"numpy": "2.1", "rich": "13"}, {"numpy": "2.1.0", "rich": "14.0.0"})
    ['rich>=13 cannot be had, the lowest is 14.0.0']
    """
    return [
        f"{name}>={bound} cannot be had, the lowest is {versions[name]}"
        for name, bound in bounds.items()
        if strip_zeros(bound) != strip_zeros(versions[name])
    ]


def strip_zeros(version: str) -> str:
    """3.17.0 and 3.17 are one version.

    >>> strip_zeros("3.10.0")
    '3.10'
    """
    return re.sub(r"(\.0)+$", "", version)


def main() -> None:
    """Print the constraints; exits with a line a bound that is false."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    extras = [requirement for extra in EXTRAS for requirement in project["optional-dependencies"][extra]]
    options = [word for extra in EXTRAS for word in ("--extra", extra)]
    versions = resolve(supported_pythons()[0], "--resolution", "lowest-direct", *options)
    if wrong := false_bounds(lower_bounds([*project["dependencies"], *extras]), versions):
        raise SystemExit("pyproject.toml: " + "; ".join(wrong))
    print("\n".join(f"{name}=={version}" for name, version in sorted(versions.items())))


if __name__ == "__main__":
    main()
