"""Rows: the table of a study: a row for each method on each data set."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from statistics import mean, stdev

from reccl.evaluation.bootstrap import mean_interval
from reccl.evaluation.resplits import mean_over_splits
from reccl.evaluation.result import select_metric
from reccl.studies.cell import Cell, CellResult, Group, Tuned
from reccl.studies.claims import Measured
from reccl.studies.settings import StudySettings


@dataclass(frozen=True)
class Row:
    """A method on a data set, over its splits and seeds."""

    data: str
    method: str
    runs: int
    """That were finished."""
    planned: int
    trials: int
    """Of its tuning, on all splits."""
    means: Mapping[str, float] = field(default_factory=dict)
    """Metric -> mean over runs."""
    deviations: Mapping[str, float] = field(default_factory=dict)
    """Metric -> standard deviation over runs (n - 1); empty for one run."""
    low: float | None = None
    """Of the interval around the mean of the first metric."""
    high: float | None = None
    seconds: float | None = None
    """Of training with its refit, mean over runs."""
    tuning_seconds: float = 0.0
    """Of training and validating, summed over trials and splits."""
    energy: float | None = None
    """kWh, mean over runs; None where it was not measured."""
    note: str = ""
    """What failed, or was not finished."""


@dataclass(frozen=True)
class Part:
    """The cells of a method on a data set, by split."""

    tuned: Sequence[Tuned]
    splits: Sequence[Sequence[CellResult | None]]
    """For each split, the result of each seed; None: not finished."""

    def flaw(self) -> str:
        """Why the method cannot be compared here; empty where all its runs were finished."""
        results = [result for split in self.splits for result in split]
        errors = [result.error for result in results if result is not None and result.error]
        if errors:
            return f"failed: {errors[0]}"
        return "is not finished" if any(result is None for result in results) else ""


def collect(
    settings: StudySettings, tuned: Mapping[Group, Tuned], results: Mapping[Cell, CellResult], data: str, method: str
) -> Part:
    """What has come of a method on a data set."""
    groups = [(Group(data, method, split), seeds) for split, seeds in settings.draws()]
    return Part(
        [tuned[group] for group, _ in groups if group in tuned],
        [[results.get(Cell(group, seed)) for seed in seeds] for group, seeds in groups],
    )


def measure(part: Part, metric: str) -> Measured | str:
    """The users' values of a metric, or why there are none."""
    if flaw := part.flaw():
        return flaw
    found, shares = [], []
    for split in part.splits:
        values = []
        for result in split:
            assert result is not None
            assert result.per_user is not None
            one = select_metric(result.per_user, metric)
            if one is None:
                return f"has no value of {metric} for each user"
            values.append(one)
            shares.append(result.test_share)
        found.append(values)
    return Measured(found, mean(shares))


def make_row(settings: StudySettings, data: str, method: str, part: Part) -> Row:
    """The row of a method on a data set."""
    results = [result for split in part.splits for result in split]
    done = [result for result in results if result is not None and not result.error]
    failed = [result for result in results if result is not None and result.error]
    notes = [f"{len(failed)} of {len(results)} failed: {failed[0].error}"] if failed else []
    if open_ := len(results) - len(done) - len(failed):
        notes.append(f"{open_} of {len(results)} not finished")
    spent = {
        "trials": sum(each.trials for each in part.tuned),
        "tuning_seconds": sum(each.seconds for each in part.tuned),
    }
    row = Row(data, method, len(done), len(results), note="; ".join(notes), **spent)  # type: ignore[arg-type]
    if not done:
        return row
    energies = [result.timing["energy_kwh"] for result in done if "energy_kwh" in result.timing]
    values = {name: [result.metrics[name] for result in done if name in result.metrics] for name in settings.metrics}
    measured = measure(part, settings.metrics[0])
    ends = None if isinstance(measured, str) else interval(measured)
    return Row(
        data,
        method,
        len(done),
        len(results),
        row.trials,
        {name: mean(each) for name, each in values.items() if each},
        {name: stdev(each) for name, each in values.items() if len(each) > 1},
        ends[0] if ends else None,
        ends[1] if ends else None,
        mean(result.seconds for result in done),
        row.tuning_seconds,
        mean(energies) if len(energies) == len(done) else None,
        row.note,
    )


def interval(measured: Measured) -> tuple[float, float] | None:
    """The interval around the mean of a method on a data set."""
    if len(measured.runs) == 1:
        return mean_interval(measured.runs[0])
    return mean_over_splits(measured.runs, measured.test_share)
