"""Audit: asks an advisory service about every package of an environment (pip-audit), and says what was asked.

    python scripts/audit.py PATH_OF_SITE_PACKAGES

Exits with 1 where a package has a known vulnerability. Where no service answers, or none knows the packages, it says in
one line that nothing was audited: no answer is not a clean bill.
"""

import json
import subprocess
import sys
from collections.abc import Sequence
from typing import Any

SERVICES = ("pypi", "osv")
Package = dict[str, Any]


def ask(service: str, path: str) -> list[Package]:
    """Every package with its `vulns`, or the `skip_reason`; empty where the service cannot be reached."""
    command = [sys.executable, "-m", "pip_audit", "--vulnerability-service", service, "--path", path]
    command += ["--format", "json", "--progress-spinner", "off"]
    done = subprocess.run(command, capture_output=True, text=True)
    try:
        packages: list[Package] = json.loads(done.stdout)["dependencies"]
    except (ValueError, KeyError):
        return []
    return packages


def summarize(packages: Sequence[Package]) -> tuple[list[str], int]:
    """Lines to print, and the exit code.

    >>> summarize([{"name": "a", "version": "1", "vulns": []}, {"name": "b", "skip_reason": "not found"}])
    (['audit: 1 package, none with a known vulnerability; not known to the service: b'], 0)
    >>> summarize([])[0]
    ['audit: no advisory service can be asked from here: nothing was audited']
    """
    asked = [package for package in packages if "vulns" in package]
    if not asked:
        return ["audit: no advisory service can be asked from here: nothing was audited"], 0
    found = [
        f"{package['name']} {package['version']}: {flaw['id']}, fixed in {', '.join(flaw['fix_versions']) or 'none'}"
        for package in asked
        for flaw in package["vulns"]
    ]
    skipped = [package["name"] for package in packages if "vulns" not in package]
    number = f"{len(asked)} package{'s' if len(asked) != 1 else ''}"
    result = f"{len(found)} known vulnerabilities" if found else "none with a known vulnerability"
    unknown = f"; not known to the service: {', '.join(skipped)}" if skipped else ""
    return [f"audit: {number}, {result}{unknown}", *found], int(bool(found))


def main(path: str) -> int:
    """Ask the services in turn until one has an answer; print it."""
    packages: list[Package] = []
    for service in SERVICES:
        packages = ask(service, path)
        if any("vulns" in package for package in packages):
            break
    lines, code = summarize(packages)
    print("\n".join(lines))
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
