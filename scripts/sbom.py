"""SBOM: what a wheel brings with it into a clean environment, as CycloneDX JSON (cyclonedx-py).

python scripts/sbom.py PATH_OF_THE_ENVIRONMENTS_PYTHON dist/reccl-0.1.0.cdx.json
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

INSTALLERS = ("pip", "setuptools", "wheel")
"""What an environment has before anything is installed; kept where a package needs it."""


def list_components(python: str) -> dict[str, Any]:
    """The bill of an environment, as cyclonedx-py writes it."""
    command = [sys.executable, "-m", "cyclonedx_py", "environment", python, "--output-format", "JSON"]
    done = subprocess.run([*command, "--output-reproducible"], check=True, stdout=subprocess.PIPE, text=True)
    bill: dict[str, Any] = json.loads(done.stdout)
    return bill


def center(bill: dict[str, Any], name: str) -> dict[str, Any]:
    """The bill of the package `name`: it is the subject, and not one of its own components; no path of this machine.

    >>> local = {"type": "distribution", "url": "file:///tmp/reccl.whl"}
    >>> own = {"name": "reccl", "bom-ref": "reccl==1", "externalReferences": [local]}
    >>> parts = [own, {"name": "pip", "bom-ref": "pip==2"}, {"name": "numpy", "bom-ref": "numpy==2"}]
    >>> needs = [{"ref": "reccl==1", "dependsOn": ["numpy==2"]}, {"ref": "pip==2"}, {"ref": "numpy==2"}]
    >>> found = center({"components": parts, "dependencies": needs}, "reccl")
    >>> found["metadata"]["component"], [part["name"] for part in found["components"]]
    ({'name': 'reccl', 'bom-ref': 'reccl==1', 'externalReferences': []}, ['numpy'])
    """
    needed = {ref for entry in bill.get("dependencies", []) for ref in entry.get("dependsOn", [])}
    parts = [part for part in bill["components"] if part["name"] not in INSTALLERS or part["bom-ref"] in needed]
    for part in parts:
        if links := part.get("externalReferences"):
            part["externalReferences"] = [link for link in links if not link["url"].startswith("file:")]
    subject = next(part for part in parts if part["name"] == name)
    kept = {part["bom-ref"] for part in parts}
    return {
        **bill,
        "metadata": {**bill.get("metadata", {}), "component": subject},
        "components": [part for part in parts if part is not subject],
        "dependencies": [entry for entry in bill.get("dependencies", []) if entry["ref"] in kept],
    }


def main(python: str, out: str) -> None:
    """Write the bill of reccl."""
    bill = center(list_components(python), "reccl")
    Path(out).write_text(json.dumps(bill, indent=2) + "\n")
    print(f"SBOM: {len(bill['components'])} components in {out}")


if __name__ == "__main__":
    main(*sys.argv[1:])
