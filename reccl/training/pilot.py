"""Pilot: settings that short trainings choose on validation rows before the real one."""

from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import Field, field_validator

from reccl.settings import Settings

SECTIONS = ("encoder", "objective", "scorer", "training")
ERRORS = 2.0
"""Standard errors by which a candidate must be better."""
Changes = Annotated[dict[str, Any], Field(min_length=1)]


class Pilot(Settings):
    """Alternatives to what is written, each trained for a few epochs; the real training goes on with the best.

    What is written is tried first. A candidate takes its place where the validation metric of the scorer as it is
    written is clearly better, by more than a standard error over users, so that what validation cannot tell apart stays
    as it is written; then the next candidate is held against it. The validation metric of what was selected is too
    good: the metric of the test part is its quality. Without validation rows nothing is tried.
    """

    epochs: Annotated[int, Field(ge=1)] = 6
    """Epochs of each short training, with a learning-rate schedule of their own."""
    minutes: Annotated[float | None, Field(gt=0)] = None
    """Budget: a candidate is not begun where it would probably end later than this after the pilot began (`reccl train
    --minutes`). What is written is always tried, and the real training comes after it. None: all are tried, so that the
    choice does not depend on the machine."""
    candidates: Annotated[dict[str, Changes], Field(min_length=1)]
    """Named candidates: for each the settings that differ from what is written, dotted.key: value, such as
    objective.ranking.temperature: 0.2, or encoder: {kind: lightgcn} for another part."""

    @field_validator("candidates")
    @classmethod
    def _trained(cls, candidates: dict[str, Changes]) -> dict[str, Changes]:
        """Candidates differ in what is trained and ranked by, not in what they are measured on."""
        for name, changes in candidates.items():
            for key in changes:
                if key.partition(".")[0] not in SECTIONS or key == "training.metric":
                    raise ValueError(f"candidate {name!r} sets {key!r}; it may set keys of {', '.join(SECTIONS)}")
        return candidates


@dataclass(frozen=True)
class Trial:
    """What a short training gave."""

    candidate: str
    metric: str
    """Name of the validation metric."""
    value: float | None
    """The metric; None where there was no time left to try it."""
    gain: float | None
    """Mean difference to the best one before it; None for the first."""
    error: float | None
    """Standard error of the difference over users."""
    chosen: bool
    """Whether it took the place of the best one before it; so the last one that did is the choice."""

    def describe(self) -> str:
        """One line."""
        if self.value is None:
            return f"pilot {self.candidate}: not tried, no time left"
        told = f"pilot {self.candidate}: {self.metric} {self.value:.4f}"
        if self.gain is None or self.error is None:
            return told
        return f"{told}, {self.gain:+.4f} ± {self.error:.4f}{', taken' if self.chosen else ''}"
