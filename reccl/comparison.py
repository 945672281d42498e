"""Comparison: runs side by side: what differs in their configs, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import polars as pl

from reccl.errors import RunError, did_you_mean, join_names
from reccl.evaluation.paired import LEVEL, PairedDifference, compare_paired
from reccl.evaluation.result import select_metric


@dataclass(frozen=True)
class Entry:
    """One run, as compared."""

    id: str
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]
    fingerprint: str = ""  # of the data; values are paired within the same data alone
    values: pl.DataFrame | None = None  # user, value: every user's value of the metric compared by


@dataclass(frozen=True)
class Comparison:
    """Runs, best first by `metric`."""

    metric: str
    entries: tuple[Entry, ...]

    def differing(self) -> list[str]:
        """Config keys whose values are not the same in all runs."""
        keys = sorted({key for entry in self.entries for key in entry.parameters} - {"name"})
        return [key for key in keys if len({entry.parameters.get(key) for entry in self.entries}) > 1]

    def choices(self) -> dict[str, list[str]]:
        """What differs, for people: key -> value by run. A part of another kind, or none, stands for all its keys."""
        keys = self.differing()
        parts = {key.removesuffix(".kind") for key in keys if key.endswith(".kind")}
        parts |= {key for key in keys if any(other.startswith(f"{key}.") for other in keys)}
        outermost = (next((part for part in ancestors(key) if part in parts), key) for key in keys)
        return {key: [value_of(entry.parameters, key) for entry in self.entries] for key in dict.fromkeys(outermost)}

    def metrics(self) -> list[str]:
        """The metric compared by, then the other test metrics, those of groups last, then times."""
        shown = {name for entry in self.entries for name in entry.metrics if name.startswith(("test/", "time/"))}
        per_epoch = {"time/epoch_seconds", "time/interactions_per_second"}
        return [
            self.metric,
            *sorted(
                shown - {self.metric} - per_epoch, key=lambda name: (name.startswith("time/"), name.count("/"), name)
            ),
        ]

    def shown(self) -> list[str]:
        """The same, of groups' metrics only the one compared by: few enough for a table."""
        last = self.metric.rpartition("/")[2]
        return [name for name in self.metrics() if name.count("/") < 2 or name.endswith(f"/{last}")]

    def worst(self) -> Entry | None:
        """The worst run that has the metric: the one that the others are compared with."""
        return next((entry for entry in reversed(self.entries) if self.metric in entry.metrics), None)

    def delta(self, entry: Entry) -> float | None:
        """Relative difference of the metric to the worst run that has it."""
        mine, worst = entry.metrics.get(self.metric), self.worst()
        base = worst.metrics[self.metric] if worst else None
        return None if mine is None or not base else mine / base - 1

    def interval(self, entry: Entry) -> PairedDifference | None:
        """The same with its paired interval over users; None where the runs have no users' values in common."""
        base = self.worst()
        if base is None or base is entry or base.fingerprint != entry.fingerprint:
            return None
        return None if entry.values is None or base.values is None else compare_paired(entry.values, base.values)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        differing = self.differing()
        return {
            "metric": self.metric,
            "runs": [
                {
                    "id": entry.id,
                    "name": entry.name,
                    "status": entry.status,
                    "differs": {key: entry.parameters.get(key) for key in differing},
                    "metrics": {name: entry.metrics.get(name) for name in self.metrics()},
                    "delta": self.delta(entry),
                    "interval": as_json(self.interval(entry)),
                }
                for entry in self.entries
            ],
        }


def ancestors(key: str) -> list[str]:
    """A dotted key's sections from the outside in, and the key itself.

    >>> ancestors("encoder.initialization.kind")
    ['encoder', 'encoder.initialization', 'encoder.initialization.kind']
    """
    names = key.split(".")
    return [".".join(names[:number]) for number in range(1, len(names) + 1)]


def value_of(parameters: Mapping[str, str], key: str) -> str:
    """A value in words: the kind of a part, the names of the parts in a section, - where there is nothing."""
    value = parameters.get(f"{key}.kind", parameters.get(key))
    if value is None:
        inside = dict.fromkeys(name[len(key) + 1 :].split(".")[0] for name in parameters if name.startswith(f"{key}."))
        value = ", ".join([name for name in inside if f"{key}.{name}.kind" in parameters] or inside)
    return "-" if value in ("", "None", "{}") else value


def values_in(per_user: pl.DataFrame | None, metric: str) -> pl.DataFrame | None:
    """Every user's value of a metric, e.g. test/cold/recall_at_20, in a run's table of its test metrics."""
    part, _, name = metric.partition("/")
    return None if per_user is None or part != "test" else select_metric(per_user, name)


def as_json(difference: PairedDifference | None) -> dict[str, float] | None:
    """An interval for scripts."""
    return None if difference is None else {"level": LEVEL, **asdict(difference)}


def compare(entries: Sequence[Entry], metric: str) -> Comparison:
    """Rank runs by a metric, highest first; runs without it come last. Raises RunError where no run has it."""
    known = {name for entry in entries for name in entry.metrics}
    if metric not in known:
        near = did_you_mean(metric, known)
        raise RunError(f"no run has metric {metric!r}{near or f'; there are: {join_names(known)}'}")
    ranked = sorted(entries, key=lambda entry: entry.metrics.get(metric, float("-inf")), reverse=True)
    return Comparison(metric, tuple(ranked))
