"""Parameter: a key of the config that is searched over, with the values that it may take."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from reccl.errors import did_you_mean, join_names, shorten

if TYPE_CHECKING:
    import optuna

KEYS = ("low", "high", "log", "step")
"""What a range is written with."""


class SpaceError(ValueError):
    """What is wrong with a parameter, in words; where it was written is said by who reads the file."""


@dataclass(frozen=True)
class Choices:
    """A few values, without an order."""

    key: str
    values: tuple[Any, ...]

    def labels(self) -> dict[Any, Any]:
        """Each value by what the study stores for it: itself, or its JSON where it is a part with keys.

        >>> Choices("scorer", (1, None, {"kind": "ease"})).labels()
        {1: 1, None: None, '{"kind": "ease"}': {'kind': 'ease'}}
        """
        return {json.dumps(value) if isinstance(value, list | dict) else value: value for value in self.values}

    def suggest(self, trial: optuna.Trial) -> Any:
        """A value that the study proposes."""
        labels = self.labels()
        return labels[trial.suggest_categorical(self.key, list(labels))]

    def label(self, value: Any) -> Any:
        """What the study stores for a value."""
        return next(label for label, other in self.labels().items() if other == value)

    def probes(self) -> tuple[Any, ...]:
        """Values that the config has to take: all."""
        return self.values

    def describe(self) -> str:
        """In one line."""
        return ", ".join(str(label) for label in self.labels())

    def as_json(self) -> dict[str, Any]:
        """For the digest of a space."""
        return {"key": self.key, "choices": list(self.values)}


@dataclass(frozen=True)
class Range:
    """Numbers from `low` to `high`, both included."""

    key: str
    low: float
    high: float
    log: bool = False
    step: float | None = None
    whole: bool = False
    """Whether the key takes whole numbers only."""

    def suggest(self, trial: optuna.Trial) -> float:
        """A value that the study proposes."""
        if self.whole:
            step = 1 if self.step is None else int(self.step)
            return trial.suggest_int(self.key, int(self.low), int(self.high), step=step, log=self.log)
        return trial.suggest_float(self.key, self.low, self.high, step=self.step, log=self.log)

    def label(self, value: Any) -> Any:
        """What the study stores for a value."""
        return value

    def holds(self, value: Any) -> bool:
        """Whether a value lies in the range, and on one of its steps."""
        if isinstance(value, bool) or not isinstance(value, int | float) or not self.low <= value <= self.high:
            return False
        return self.step is None or is_whole((value - self.low) / self.step)

    def probes(self) -> tuple[float, ...]:
        """Values that the config has to take: both ends."""
        return (self.low, self.high)

    def between(self) -> float:
        """A number within the range that is not whole: what only keys of fractions take.

        >>> Range("encoder.layers", 1, 4).between()
        2.5
        """
        middle = (self.low + self.high) / 2
        return middle - min(0.25, (self.high - self.low) / 4) if is_whole(middle) else middle

    def describe(self) -> str:
        """In one line.

        >>> Range("training.learning_rate", 0.001, 0.1, log=True).describe()
        '0.001 to 0.1, log'
        """
        step = f", step {self.step:g}" if self.step is not None else ""
        return f"{self.low:g} to {self.high:g}{', log' * self.log}{step}"

    def as_json(self) -> dict[str, Any]:
        """For the digest of a space."""
        return {"key": self.key, "low": self.low, "high": self.high, "log": self.log, "step": self.step}


Parameter = Choices | Range


def is_whole(number: float) -> bool:
    """Whether a number is whole, but for rounding."""
    return math.isclose(number, round(number), abs_tol=1e-9)


def read_parameter(key: str, written: Any) -> Parameter:
    """A parameter from what stands in the file: a list of choices, or a map with low and high. Raises SpaceError."""
    if isinstance(written, list):
        return read_choices(key, written)
    if isinstance(written, Mapping):
        return read_range(key, written)
    raise SpaceError(
        f"{shorten(written)} is neither a list of choices nor {{low: ..., high: ...}}; a value that stays is set with "
        f"--set {key}={written}"
    )


def read_choices(key: str, written: list[Any]) -> Choices:
    """Two values or more, all different."""
    if len(written) < 2:
        raise SpaceError(f"{shorten(written)}: give two choices or more")
    for place, value in enumerate(written):
        if value in written[:place]:
            raise SpaceError(f"choice {shorten(value)} is given twice")
    return Choices(key, tuple(written))


def read_range(key: str, written: Mapping[str, Any]) -> Range:
    """Two ends, perhaps a step or a logarithmic scale."""
    for name in written:
        if name not in KEYS:
            near = did_you_mean(name, KEYS)
            raise SpaceError(f"unknown key {name!r}{near or f'; a range has {join_names(KEYS)}'}")
    numbers = {name: read_number(name, written[name]) for name in ("low", "high", "step") if name in written}
    if missing := [name for name in ("low", "high") if name not in numbers]:
        raise SpaceError(f"a range needs {missing[0]}")
    low, high, step, log = numbers["low"], numbers["high"], numbers.get("step"), written.get("log", False)
    if not isinstance(log, bool):
        raise SpaceError(f"log is true or false, not {shorten(log)}")
    if not low < high:
        raise SpaceError(f"low {low:g} is not below high {high:g}")
    if log and low <= 0:
        raise SpaceError(f"log needs low above 0, not {low:g}")
    if step is not None and log:
        raise SpaceError("a range has a step or log, not both")
    if step is not None and (step <= 0 or step > high - low or not is_whole((high - low) / step)):
        raise SpaceError(f"step {step:g} does not lead from low {low:g} to high {high:g}")
    return Range(key, low, high, log, step)


def read_number(name: str, value: Any) -> float:
    """A number that is neither a truth value nor infinite."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        hint = f"; YAML reads {value} as text, write {float(value):.1e}" if is_text_number(value) else ""
        raise SpaceError(f"{name} is a number, not {shorten(value)}{hint}")
    return value


def is_text_number(value: Any) -> bool:
    """Whether a text would be a number: YAML takes 1e-4 for text, and 1.0e-4 for a number."""
    try:
        return isinstance(value, str) and math.isfinite(float(value))
    except ValueError:
        return False
