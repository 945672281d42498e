"""EvaluationResult: what every benchmark shares: a median over repeats, and a line about the machine."""

import os
import platform
import time
from collections.abc import Callable
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


def title(what: str) -> str:
    """What is measured, and on what."""
    machine = (
        f"{platform.machine()}, {os.cpu_count()} cores, {torch.get_num_threads()} threads, torch {torch.__version__}"
    )
    return f"{what}\n{machine}"


if __name__ == "__main__":
    print("shared by the other benchmarks; measures nothing itself")
