"""Start-up: seconds of CPU until lists, comparisons and mistakes are answered. Each is a process of its own.

python benchmarks/startup.py [--repeats 3] [--store FOLDER]

FOLDER holds an mlruns with runs, for `runs` and `compare`; without it these find nothing.
"""

from __future__ import annotations

import argparse
import os
import resource
import subprocess
import sys
from pathlib import Path

from measured import title

ROOT = Path(__file__).parents[1]
COMMANDS = (
    "--version",
    "--help",
    "runs",
    "compare",
    "config list",
    "config show movielens",
    "config reference",
    "data list",
    "methods",
    "train --config movielens --set encoder.dimensoin=3",
    "train --config movielns",
    "TAB train --config mo",
    "TAB compare mo",
    "TAB train --config best --set enc",
)


def main() -> None:
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("--repeats", type=int, default=3)
    arguments.add_argument("--store", type=Path, default=Path())
    chosen = arguments.parse_args()
    print(title(f"CPU seconds, user and system, the least of {chosen.repeats}; TAB is a shell's completion"))
    print("| command | seconds |\n|---|---|")
    for command in COMMANDS:
        seconds = min(measure(command, chosen.store) for _ in range(chosen.repeats))
        print(f"| `{command}` | {seconds:.2f} |", flush=True)


def measure(command: str, store: Path) -> float:
    """CPU seconds of one process."""
    words = command.removeprefix("TAB ").split()
    environment = {**os.environ, "PYTHONPATH": os.environ.get("PYTHONPATH", str(ROOT))}
    if command.startswith("TAB "):
        line = f"reccl {' '.join(words)}"
        completion = {"_RECCL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(words))}
        environment, words = environment | completion, []
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(
        [sys.executable, "-c", "from reccl.cli.app import main; main()", *words],
        cwd=store, env=environment, capture_output=True, check=False,
    )  # fmt: skip
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime


if __name__ == "__main__":
    main()
