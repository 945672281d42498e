"""Trial: one setting of the keys that are searched over, and what came of it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

COMPLETE, PRUNED, FAILED, BROKEN_OFF, RUNNING = "complete", "pruned", "failed", "broken off", "running"
"""States of a trial. One that was broken off, by Ctrl-C or a kill, is tried again."""


@dataclass(frozen=True)
class Trial:
    """One trial of a study."""

    number: int
    values: Mapping[str, Any]
    """Key -> value."""
    state: str
    value: float | None = None
    """The validation metric: as training ends with it where the trial is complete, else its best so far."""
    best_epoch: int = 0
    epochs: int = 0
    seconds: float = 0.0
    error: str = ""
    """Why it failed, in one line."""
    default: bool = False
    """Whether it is the config as it is."""
