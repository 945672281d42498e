"""Environment: the versions and the commit that a run is made with."""

import os
import platform
import subprocess
from importlib.metadata import version

SERVED_NEEDS = ("mlflow", "numpy", "pandas", "pyarrow", "safetensors", "scipy")
"""What a served model needs."""
PACKAGES = (*SERVED_NEEDS, "polars", "scikit-learn", "torch", "torch-geometric")

THREADS, KERNELS = "threads", "kernels"
"""Number of threads that torch computes with, and what instructions of the CPU it uses: both decide the last bits."""


def environment() -> str:
    """Python, platform, what computes, and the versions that matter."""
    import torch

    lines = [
        f"python {platform.python_version()}",
        f"platform {platform.platform()}",
        f"cpus {os.cpu_count()}",
        f"{KERNELS} {torch.backends.cpu.get_cpu_capability()}",
        f"{THREADS} {torch.get_num_threads()}",
        f"gpu {torch.cuda.get_device_name() if torch.cuda.is_available() else 'none'}",
    ]
    return "\n".join([*lines, *(f"{name} {version_of(name)}" for name in ("reccl", *PACKAGES))]) + "\n"


def read_environment(text: str) -> dict[str, str]:
    r"""Name -> value of what `environment` wrote.

    >>> read_environment("python 3.11.7\ntorch 2.13.0+cpu\n")
    {'python': '3.11.7', 'torch': '2.13.0+cpu'}
    """
    return {name: value for name, _, value in (line.partition(" ") for line in text.splitlines()) if value}


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
