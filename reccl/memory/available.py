"""Available: the memory that this process holds, and what the machine or its control group leaves to it."""

from __future__ import annotations

import os
import resource
import sys
from collections.abc import Iterator
from pathlib import Path

UNLIMITED = 2**60
"""Limits of control groups from here on are none."""
ROOT = Path("/")


def peak_memory() -> int:
    """Most bytes that this process has held so far (resident)."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def held_memory(process: int | None = None) -> int:
    """Bytes that this process holds now (resident); where the system does not say, the most so far. Of another
    `process`, by its id, 0 where it does not say.
    """
    try:
        pages = int((ROOT / "proc" / str(process or "self") / "statm").read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return peak_memory() if process is None else 0
    return pages * os.sysconf("SC_PAGE_SIZE")


def available_memory(root: Path = ROOT) -> int | None:
    """Bytes that this process may hold in all without swapping, with those that it holds already: what the machine has
    available, or what the limit of a control group (a container, a job) leaves, whichever is less. None where the
    system does not say.

    Args:
        root: where /proc and /sys are.

    """
    left = [amount for amount in (machine_memory(root), *group_memory(root)) if amount is not None]
    return min(left) + held_memory() if left else None


def machine_memory(root: Path) -> int | None:
    """Bytes that the machine has available (MemAvailable); elsewhere than on Linux a part of all, or None."""
    try:
        for line in (root / "proc/meminfo").read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None


def group_memory(root: Path) -> Iterator[int]:
    """Bytes that the limits of this process's control groups leave: its own, and those that it is inside of.

    Files that the kernel keeps in memory and can let go (inactive_file) are not counted as used.
    """
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except OSError:
        return
    for line in lines:
        number, controllers, place = [*line.split(":", 2), "", ""][:3]
        if number == "0":
            base, limit, used = root / "sys/fs/cgroup", "memory.max", "memory.current"
        elif "memory" in controllers.split(","):
            base, limit, used = root / "sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes"
        else:
            continue
        inside = base / place.strip("/")
        for folder in (inside, *inside.parents):
            if (left := read_left(folder / limit, folder / used, folder / "memory.stat")) is not None:
                yield left
            if folder == base:
                break


def read_left(limit: Path, used: Path, stat: Path) -> int | None:
    """What one group's limit leaves; None where it has none."""
    try:
        most = int(limit.read_text())
        if most >= UNLIMITED:
            return None
        known = dict(line.split() for line in stat.read_text().splitlines())
        inactive = int(known.get("total_inactive_file", known.get("inactive_file", 0)))
        return max(0, most - max(0, int(used.read_text()) - inactive))
    except (OSError, ValueError):  # no such file, or "max"
        return None
