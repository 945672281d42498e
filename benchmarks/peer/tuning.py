"""Tuning: the same small budget for every method: its defaults and random draws, measured on validation."""

import random
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from pathlib import Path
from typing import Any

from method import Method
from processes import Budget, Peer, fit
from protocol import Protocol


@dataclass(frozen=True)
class Trial:
    """One choice of settings, fitted to the training rows."""

    library: str
    method: str
    number: int  # 0: the defaults
    settings: Mapping[str, Any]
    validation: float | None  # None where it failed, or the time was over
    fit_s: float | None
    error: str


def draw_settings(method: Method, number: int, seed: str) -> list[dict[str, Any]]:
    """The defaults, and so many different draws from the method's values; all of them where there are fewer."""
    every = [dict(zip(method.space, values, strict=True)) for values in product(*method.space.values())]
    return [{}, *random.Random(seed).sample(every, min(number, len(every)))]


def tune(
    protocol: Protocol, peer: Peer, name: str, number: int, seed: int, budget: Budget, metric: str, folder: Path
) -> list[Trial]:
    """Fit all settings drawn, in one process, and measure them on validation."""
    settings = draw_settings(peer.methods[name], number, f"{seed} {peer.name} {name}")
    fitted = fit(peer, name, settings, protocol, folder, final=False, seed=seed, budget=budget)
    found = []
    for place, (lists, done) in enumerate(zip(fitted.lists, fitted.done, strict=True)):
        value = None
        if lists is not None:
            value = protocol.measure(lists, "validation", folder / f"{place}.parquet").metrics[metric]
        about = peer.name, name, place, settings[place], value
        found.append(Trial(*about, done.get("fit_s"), done.get("error", "")))
    return found


def best_of(trials: Sequence[Trial]) -> Trial | None:
    """The trial that validation found best, the first of equal ones; None where no one could be fitted."""
    return max(
        (one for one in trials if one.validation is not None), key=lambda one: one.validation or 0.0, default=None
    )
