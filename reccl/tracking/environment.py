"""Environment: the versions and the commit that a run is made with."""

import os
import platform
import subprocess
from importlib.metadata import version

SERVED_NEEDS = ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "scipy")
"""What a served model needs."""
PACKAGES = (*SERVED_NEEDS, "polars", "scikit-learn", "torch", "torch-geometric")


def environment() -> str:
    """Python, platform and the versions that matter."""
    lines = [f"python {platform.python_version()}", f"platform {platform.platform()}", f"cpus {os.cpu_count()}"]
    return "\n".join([*lines, *(f"{name} {version_of(name)}" for name in ("reccl", *PACKAGES))]) + "\n"


def version_of(package: str) -> str:
    """Version of an installed package."""
    try:
        return version(package)
    except ModuleNotFoundError:
        return "not installed"


def commit() -> dict[str, str]:
    """The git commit of the current folder as a tag, where it is a checkout."""
    command = ["git", "rev-parse", "HEAD"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
    except (OSError, subprocess.SubprocessError):
        return {}
    return {"mlflow.source.git.commit": done.stdout.strip()}
