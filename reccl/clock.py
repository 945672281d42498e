"""Clock: how long parts of a run took, and how much memory it held."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import torch

from reccl import memory


@dataclass
class Clock:
    """Seconds by name, summed."""

    seconds: dict[str, float] = field(default_factory=dict)

    @contextmanager
    def __call__(self, name: str) -> Iterator[None]:
        """Time a block."""
        started = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[name] = self.seconds.get(name, 0.0) + time.perf_counter() - started


def peak_memory(device: torch.device) -> float:
    """Most memory that this process has held so far, GiB; on CUDA that of the device."""
    if device.type == "cuda":
        return torch.cuda.max_memory_allocated(device) / 2**30
    return memory.peak_memory() / 2**30
