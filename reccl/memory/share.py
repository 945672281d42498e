"""Share: what each of several processes will hold, and those of one machine, or on one GPU, together."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from reccl.memory.estimate import ALLOWED, MemoryEstimate, Phase, Room
from reccl.memory.need import Need


@dataclass(frozen=True)
class Share:
    """What one process will hold, of a memory that others may hold parts of too."""

    place: str  # whose memory it is: a machine's, or a GPU's
    left: int | None  # bytes that nobody holds there; None: nobody knows
    held: int  # bytes that the process holds there already
    launcher: int  # bytes of the process that has started it, and others; 0: there is none
    estimate: MemoryEstimate


def at_place(shares: Iterable[Share], place: str) -> tuple[Share, ...]:
    """The shares of one memory."""
    return tuple(share for share in shares if share.place == place)


def sum_estimates(shares: Sequence[Share]) -> MemoryEstimate:
    """What all processes hold at once, of one memory: the sums of their parts, phase by phase, with their launcher.

    All go through the same phases, side by side.

    >>> loading, training = Phase("loading", (Need("data", 4),)), Phase("training", (Need("data", 4), Need("batch", 1)))
    >>> share = Share("here", 100, 2, 3, MemoryEstimate((loading, training)))
    >>> [need.bytes for need in sum_estimates([share, share]).fullest.needs]
    [8, 2, 3]
    """
    launcher = max(share.launcher for share in shares)
    beside = (Need("the launcher", launcher),) if launcher else ()
    together = zip(*(share.estimate.phases for share in shares), strict=True)
    phases = (Phase(ranks[0].name, (*sum_needs(ranks), *beside)) for ranks in together)
    return MemoryEstimate(tuple(phases), len(shares))


def sum_needs(phases: Iterable[Phase]) -> tuple[Need, ...]:
    """The needs of several processes, those of one part added up."""
    parts: dict[str, Need] = {}
    for need in (need for phase in phases for need in phase.needs):
        first = parts.get(need.part, replace(need, held=0, working=0))
        parts[need.part] = replace(first, held=first.held + need.held, working=first.working + need.working)
    return tuple(parts.values())


def find_room(shares: Sequence[Share], limit: int | None) -> Room:
    """What all processes may hold together, of one memory: a given `limit`, else what is left and what they hold."""
    if limit is not None:
        return Room(limit, ALLOWED)
    left = min((share.left for share in shares if share.left is not None), default=None)
    held = sum(share.held for share in shares) + max(share.launcher for share in shares)
    return Room(None if left is None else left + held)
