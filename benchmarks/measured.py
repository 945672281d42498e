"""EvaluationResult: what every benchmark shares: a median over repeats, memory, and a line about the machine."""

import os
import platform
import re
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median

import torch


def milliseconds(
    work: Callable[[], object], repeats: int, warmup: int = 2, pick: Callable[[list[float]], float] = median
) -> float:
    """Wall time of one call: the median, or what else is picked of all times."""
    for _ in range(warmup):
        work()
    times = []
    for _ in range(repeats):
        started = time.perf_counter()
        work()
        times.append(time.perf_counter() - started)
    return 1000 * pick(times)


def held(kind: str, process: str = "self") -> float:
    """MiB that a process holds (VmRSS), or held at most (VmHWM) since `restart_peak`. Linux."""
    found = re.search(rf"{kind}:\s+(\d+) kB", Path(f"/proc/{process}/status").read_text())
    assert found
    return int(found[1]) / 1024


def restart_peak() -> None:
    """The most that the process held is what it holds now."""
    Path("/proc/self/clear_refs").write_text("5")


def title(what: str) -> str:
    """What is measured, and on what."""
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    return f"{what}\n{machine}"


if __name__ == "__main__":
    print("shared by the other benchmarks; measures nothing itself")
