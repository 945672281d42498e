"""Pool: cells trained by several processes, each cell's result kept as soon as it is there."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from multiprocessing.connection import wait
from pathlib import Path
from typing import Any

from reccl.errors import cut
from reccl.signals import shield_from_signals
from reccl.studies.cell import Cell, CellResult
from reccl.studies.worker import CODE, Job
from reccl.tuning.workers import Worker


@dataclass
class Pool:
    """Processes that cells are sent to.

    Args:
        job: what all cells have in common.
        log: the file that messages of the processes are appended to.
        jobs: how many there are at most.

    """

    job: Job
    log: Path
    jobs: int
    busy: dict[Worker, Cell] = field(default_factory=dict)
    idle: list[Worker] = field(default_factory=list)

    def run(self, cells: Sequence[Cell], keep: Callable[[Cell, CellResult], None]) -> None:
        """Train all; what fails is a result, too. Ctrl-C is raised, and `close` ends what runs."""
        left = list(cells)
        while left or self.busy:
            while left and len(self.busy) < self.jobs:
                worker = self.idle.pop() if self.idle else Worker(self.job, self.log, self.jobs, CODE)
                self.busy[worker] = left.pop(0)
                worker.channel.send(self.busy[worker])
            by_channel: dict[Any, Worker] = {worker.channel: worker for worker in self.busy}
            for channel in wait(list(by_channel)):
                self.hear(by_channel[channel], keep)

    def hear(self, worker: Worker, keep: Callable[[Cell, CellResult], None]) -> None:
        """How a cell has ended."""
        try:
            result = worker.channel.recv()
        except (EOFError, OSError):
            result = CellResult(error=worker.reason())
        else:
            self.idle.append(worker)
        assert isinstance(result, CellResult)
        if result.error:
            result = CellResult(error=cut(result.error, 1000), run=result.run)
        with shield_from_signals():
            keep(self.busy.pop(worker), result)

    def close(self) -> None:
        """End all processes; cells that still run are broken off."""
        with shield_from_signals():
            for worker in [*self.idle, *self.busy]:
                worker.close()
