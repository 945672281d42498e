"""Comparison: runs side by side: what differs in their configs, and what came of it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from statistics import mean, stdev
from typing import TYPE_CHECKING, Any

from reccl.errors import RunError, did_you_mean, join_names
from reccl.evaluation.bootstrap import LEVEL, Difference, adjust_holm, compare_methods
from reccl.evaluation.result import select_metric
from reccl.evaluation.winners import ItemWinners, UserWinners, rank_items, rank_users
from reccl.published import Figure, unlock

if TYPE_CHECKING:
    import polars as pl

SEEDS = ("seed", "data.split.seed")
"""Keys in which the runs of one method may differ."""
HEADLINE = re.compile(r"test/(ndcg|recall)_at_\d+")
CUTOFF = re.compile(r"test/\w+_at_(\d+)")


@dataclass(frozen=True)
class Entry:
    """One run, or several that are alike but for the seed, as compared."""

    id: str  # of the newest
    name: str
    status: str
    parameters: Mapping[str, str]
    metrics: Mapping[str, float]  # means over seeds
    fingerprint: str = ""  # of the data; values are paired within the same data alone
    tables: tuple[pl.DataFrame, ...] = ()  # of each run, all test metrics of every user
    items: tuple[pl.DataFrame | None, ...] = ()  # of each run, the hits of every item; None where it kept none
    runs: tuple[str, ...] = ()  # ids of all, where there are several
    seeds: tuple[str, ...] = ()  # of each run, where there are several
    deviations: Mapping[str, float] = field(default_factory=dict)  # of the metrics over seeds
    split: str = ""  # `SplitDigest.test` of the data

    def values(self, metric: str) -> list[pl.DataFrame]:
        """Every user's value of a metric in each run; empty where a run has none."""
        found = [values for table in self.tables if (values := values_in(table, metric)) is not None]
        return found if len(found) == len(self.tables) else []


@dataclass(frozen=True)
class Comparison:
    """Runs, best first by `metric`."""

    metric: str
    entries: tuple[Entry, ...]
    baseline: str = ""  # id of the run that others are compared with; empty: the worst

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

    def headline(self, most: int = 3) -> list[str]:
        """The metric compared by, and NDCG and recall of all users: few enough for a table."""
        others = [name for name in self.metrics() if HEADLINE.fullmatch(name) and name != self.metric]
        return [self.metric, *others][:most]

    def base(self) -> Entry | None:
        """The run that others are compared with: the one that was named, else the worst that has the metric."""
        if self.baseline:
            return next(entry for entry in self.entries if entry.id == self.baseline)
        return next((entry for entry in reversed(self.entries) if self.metric in entry.metrics), None)

    def delta(self, entry: Entry) -> float | None:
        """Relative difference of the metric to the baseline's."""
        mine, other = entry.metrics.get(self.metric), self.base()
        base = other.metrics.get(self.metric) if other else None
        return None if mine is None or not base else mine / base - 1

    def difference(self, entry: Entry, metric: str = "") -> Difference | None:
        """The same with its interval over users and seeds; None where the runs have no users' values in common."""
        base, metric = self.base(), metric or self.metric
        if base is None or base is entry or base.fingerprint != entry.fingerprint:
            return None
        ours, theirs = entry.values(metric), base.values(metric)
        return compare_methods(ours, theirs) if ours and theirs else None

    def differences(self) -> list[tuple[Entry, Difference, float]]:
        """Every run with its difference to the baseline, and the p-value adjusted for their number."""
        found = [(entry, made) for entry in self.entries if (made := self.difference(entry))]
        adjusted = adjust_holm([made.p for _, made in found])
        return [(entry, made, p) for (entry, made), p in zip(found, adjusted, strict=True)]

    def pair(self) -> tuple[Entry, Entry] | None:
        """The best method and the one that others are compared with; where it is the best, the next and it."""
        base = self.base()
        best = next((entry for entry in self.entries if entry is not base and self.metric in entry.metrics), None)
        return None if base is None or best is None or best.fingerprint != base.fingerprint else (best, base)

    def user_winners(self, most: int) -> UserWinners | None:
        """The users that the pair differs most on, by the metric; None where there is no pair, or no users' values."""
        pair = self.pair()
        ours, theirs = (entry.values(self.metric) for entry in pair) if pair else ([], [])
        return rank_users(ours, theirs, most) if ours and theirs else None

    def item_winners(self, most: int) -> ItemWinners | str | None:
        """The items that the pair differs most on, at the metric's k; a line that says why there are none."""
        pair = self.pair()
        if pair is None or not (cutoff := CUTOFF.fullmatch(self.metric)):
            return None
        for entry in pair:
            if not entry.items or any(table is None for table in entry.items):
                return (
                    f"run {entry.id[:8]} ({entry.name}) keeps no hits of items: train it again to see which items won"
                )
        ours, theirs = ([table for table in entry.items if table is not None] for entry in pair)
        return rank_items(ours, theirs, int(cutoff[1]), most)

    def slices(self) -> list[str]:
        """The metric for every slice that all runs have values of: test/head_items/ndcg_at_10."""
        name = self.metric.rpartition("/")[2]
        groups = [metric for metric in self.metrics() if metric.startswith("test/") and metric.endswith(f"/{name}")]
        first = self.base()
        return [metric for metric in groups if metric.count("/") == 2 and first and first.values(metric)]

    def published(self) -> list[Figure]:
        """What others report for the very split that all were measured on, best NDCG first; no figure of another."""
        return sorted(unlock(entry.split for entry in self.entries), key=lambda figure: -figure.ndcg)

    def as_json(self) -> dict[str, Any]:
        """For scripts."""
        differing = self.differing()
        intervals = {entry.id: {"level": LEVEL, **asdict(found), "p_holm": p} for entry, found, p in self.differences()}
        base = self.base()
        return {
            "metric": self.metric,
            "baseline": base.id if base else None,
            "published": [asdict(figure) for figure in self.published()],
            "runs": [
                {
                    "id": entry.id,
                    "name": entry.name,
                    "status": entry.status,
                    "differs": {key: entry.parameters.get(key) for key in differing},
                    "metrics": {name: entry.metrics.get(name) for name in self.metrics()},
                    "delta": self.delta(entry),
                    "seeds": list(entry.seeds),
                    "deviations": dict(entry.deviations),
                    "interval": intervals.get(entry.id),
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


def join_seeds(entries: Sequence[Entry]) -> list[Entry]:
    """Runs of the same data that are alike but for the seed become one; of one seed the newest, which comes first."""
    alike: dict[tuple[Any, ...], dict[str, Entry]] = {}
    for entry in entries:
        apart = frozenset((key, value) for key, value in entry.parameters.items() if key not in (*SEEDS, "name"))
        seed = entry.parameters.get("seed", "")
        same = (entry.name, entry.fingerprint, apart) if entry.parameters else (entry.id,)
        alike.setdefault(same, {}).setdefault(seed, entry)
    return [join(tuple(runs.values())) for runs in alike.values()]


def join(runs: tuple[Entry, ...]) -> Entry:
    """One entry of runs that are alike: means and deviations of the metrics that all have."""
    first = runs[0]
    if len(runs) == 1:
        return first
    names = [name for name in first.metrics if all(name in run.metrics for run in runs)]
    return replace(
        first,
        parameters={**first.parameters, **{key: join_seen(run.parameters.get(key) for run in runs) for key in SEEDS}},
        metrics={name: mean(run.metrics[name] for run in runs) for name in names},
        deviations={name: stdev(run.metrics[name] for run in runs) for name in names},
        tables=tuple(table for run in runs for table in run.tables),
        items=tuple(table for run in runs for table in run.items),
        runs=tuple(run.id for run in runs),
        seeds=tuple(run.parameters.get("seed", "-") for run in runs),
    )


def join_seen(values: Iterable[str | None]) -> str:
    """Distinct values in one text."""
    return ", ".join(dict.fromkeys(value for value in values if value is not None)) or "None"


def check_data(entries: Sequence[Entry]) -> None:
    """Raise RunError where runs were measured on different rows: their numbers do not say which is better."""
    apart: dict[str, list[Entry]] = {}
    for entry in entries:
        apart.setdefault(entry.fingerprint, []).append(entry)
    if len(apart) > 1:
        (one, *_), (other, *_) = list(apart.values())[:2]
        raise RunError(
            f"{describe(one)} and {describe(other)} were measured on different test rows, so that their numbers do not "
            "say which is better: compare runs of the same data and split, or add --any-data to see them side by side"
        )


def describe(entry: Entry) -> str:
    """A run with its data and split, in a few words."""
    data = next((value_of(entry.parameters, f"data.{key}") for key in ("source", "interactions", "pipeline")
                 if value_of(entry.parameters, f"data.{key}") != "-"), "?")  # fmt: skip
    split = value_of(entry.parameters, "data.split")
    return f"{entry.name} {entry.id[:8]} ({data}, split {split}, seed {value_of(entry.parameters, 'data.split.seed')})"


def compare(entries: Sequence[Entry], metric: str, baseline: str = "") -> Comparison:
    """Rank runs by a metric, highest first; runs without it come last. Raises RunError where no run has it."""
    known = {name for entry in entries for name in entry.metrics}
    if metric not in known:
        near = did_you_mean(metric, known)
        raise RunError(f"no run has metric {metric!r}{near or f'; there are: {join_names(known)}'}")
    ranked = sorted(entries, key=lambda entry: entry.metrics.get(metric, float("-inf")), reverse=True)
    return Comparison(metric, tuple(ranked), baseline)
