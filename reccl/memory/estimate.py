"""Estimate: a run's needs summed by phase, and whether there is room for the largest."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from reccl.errors import TrainingError
from reccl.memory.amount import write_amount
from reccl.memory.available import available_memory
from reccl.memory.need import Need

ALLOWED = "allowed"
"""The word of a room that was given."""
MARGIN = 1.25
"""Estimates may be a quarter too high: what is available may be exceeded by so much, a limit that was given may not."""


@dataclass(frozen=True)
class Phase:
    """A time of a run, and what is in memory at its fullest moment."""

    name: str  # training, evaluation, refit: training, scoring
    needs: tuple[Need, ...]

    @property
    def bytes(self) -> int:
        """The sum."""
        return sum(need.bytes for need in self.needs)


@dataclass(frozen=True)
class MemoryEstimate:
    """What a run will hold at most, by phase.

    >>> loaded, gram = Need("libraries and data", 10), Need("scorer", 30, 30, ("scorer.max_items",))
    >>> estimate = MemoryEstimate((Phase("training", (loaded,)), Phase("evaluation", (loaded, gram))))
    >>> estimate.bytes, estimate.fullest.name, estimate.largest.part
    (70, 'evaluation', 'scorer')
    """

    phases: tuple[Phase, ...]
    processes: int = 1  # that hold it together

    @property
    def fullest(self) -> Phase:
        """The phase that holds the most."""
        return max(self.phases, key=lambda phase: phase.bytes)

    @property
    def bytes(self) -> int:
        """The peak."""
        return self.fullest.bytes

    @property
    def largest(self) -> Need:
        """The largest part of the fullest phase."""
        return max(self.fullest.needs, key=lambda need: need.bytes)

    @property
    def advice(self) -> tuple[str, ...]:
        """What to change: what makes the largest part smaller of those that are a tenth of it all, and have a key."""
        parts = sorted(self.fullest.needs, key=lambda need: need.bytes, reverse=True)
        parts = [need for need in parts if 10 * need.bytes >= self.bytes]
        return next((need.smaller for need in parts if need.smaller), ())

    def describe(self, room: Room) -> str:
        """In one line, with what there is."""
        least, together = write_amount(self.bytes), f" in {self.processes} processes" if self.processes > 1 else ""
        there = f" of {write_amount(room.bytes)} {room.word}" if room.bytes else ""
        return f"memory: about {least}{together}{there}"


@dataclass(frozen=True)
class Room:
    """How much memory there is."""

    bytes: int | None  # None: nobody knows
    word: str = "available"  # or ALLOWED, where it was given


def require_room(estimate: MemoryEstimate, room: Room) -> None:
    """Raise TrainingError, in one line, where the estimate does not fit: which part is the largest, and what to do."""
    margin = 1 if room.word == ALLOWED else MARGIN
    if room.bytes is None or estimate.bytes <= margin * room.bytes:
        return
    largest, phase = estimate.largest, estimate.fullest
    most = f"{largest.part} {write_amount(largest.bytes, estimate.bytes)}"
    change = f"lower {' or '.join(estimate.advice)}" if estimate.advice else "give less data"
    together = ""
    if estimate.processes > 1:
        change, together = f"{change}; start fewer processes", f" in {estimate.processes} processes"
    other = "raise --memory-limit" if room.word == ALLOWED else "--memory-limit, if there is more"
    raise TrainingError(
        f"not enough memory: {phase.name} would take about {write_amount(estimate.bytes)}{together}, and "
        f"{write_amount(room.bytes)} are {room.word}; the largest part is {most}: {change}; or {other}"
    )


def check_room(estimate: MemoryEstimate, limit: int | None, log: Callable[[str], object] = str) -> None:
    """Say what it will take, and require it: of a given `limit`, else of what is available."""
    room = Room(available_memory()) if limit is None else Room(limit, ALLOWED)
    log(estimate.describe(room))
    require_room(estimate, room)
