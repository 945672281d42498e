"""Shared checkpoints: those of several ranks, which rank 0 reads and writes."""

from __future__ import annotations

from dataclasses import dataclass

from reccl.distributed.group import Group
from reccl.training.checkpoints import FINISHED, Checkpoints, number_of
from reccl.training.state import TrainingState


@dataclass
class SharedCheckpoints:
    """The checkpoints of a training by several ranks: the same files as those of one process.

    Rows come to rank 0 a piece at a time, and are handed out from there. So training goes on with any number of ranks,
    and rank 0 needs room for a whole state in the memory of its machine.

    Args:
        own: rank 0's; None on the other ranks, and where there are to be none.
        group: the ranks.

    """

    own: Checkpoints | None
    group: Group

    def __post_init__(self) -> None:
        self.kept = self.group.share(self.own is not None)

    def restore(self, state: TrainingState) -> None:
        """See `Checkpoints.restore`."""
        found = self.own.find() if self.own else None
        if not self.group.share(found is not None):
            return
        if self.own and found:
            self.own.give(state, *found)
        else:
            state.restore({}, {})

    def save_when_due(self, state: TrainingState) -> None:
        """See `Checkpoints.save_when_due`: rank 0 decides."""
        if self.group.share(self.own is not None and self.own.is_due(state)):
            self.save(state, number_of(state))

    def finish(self, state: TrainingState) -> None:
        """See `Checkpoints.finish`."""
        if self.kept and not state.finished:
            state.finished = True
            self.save(state, FINISHED)

    def save(self, state: TrainingState, name: str) -> None:
        """Rank 0 writes what all capture together."""
        if self.own:
            self.own.save(state, name)
        else:
            state.capture()
