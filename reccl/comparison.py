"""Comparison: runs side by side: what differs in their configs, and what came of it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from reccl.errors import RunError, did_you_mean, listed


@dataclass(frozen=True)
class Entry:
    """One run, as compared."""

    id: str
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]


@dataclass(frozen=True)
class Comparison:
    """Runs, best first by `metric`."""

    metric: str
    entries: tuple[Entry, ...]

    def differing(self) -> list[str]:
        """Config keys whose values are not the same in all runs."""
        keys = sorted({key for entry in self.entries for key in entry.parameters} - {"name"})
        return [key for key in keys if len({entry.parameters.get(key) for entry in self.entries}) > 1]

    def metrics(self) -> list[str]:
        """The metric compared by, then the other test metrics, then times."""
        shown = {name for entry in self.entries for name in entry.metrics if name.startswith(("test/", "time/"))}
        per_epoch = {"time/epoch_seconds", "time/interactions_per_second"}
        return [
            self.metric,
            *sorted(shown - {self.metric} - per_epoch, key=lambda name: (name.startswith("time/"), name)),
        ]

    def delta(self, entry: Entry) -> float | None:
        """Relative difference of the metric to the worst run that has it."""
        mine = entry.metrics.get(self.metric)
        base = next((run.metrics[self.metric] for run in reversed(self.entries) if self.metric in run.metrics), None)
        return None if mine is None or not base else mine / base - 1

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
                }
                for entry in self.entries
            ],
        }


def compare(entries: Sequence[Entry], metric: str) -> Comparison:
    """Rank runs by a metric, highest first; runs without it come last. Raises RunError where no run has it."""
    known = {name for entry in entries for name in entry.metrics}
    if metric not in known:
        near = did_you_mean(metric, known)
        raise RunError(f"no run has metric {metric!r}{near or f'; there are: {listed(known)}'}")
    ranked = sorted(entries, key=lambda entry: entry.metrics.get(metric, float("-inf")), reverse=True)
    return Comparison(metric, tuple(ranked))
