"""Plots of a study: its history, what matters, and the value over each key. Loads matplotlib."""

from collections.abc import Mapping, Sequence
from itertools import accumulate
from pathlib import Path
from typing import Any

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, MaxNLocator, NullFormatter

from reccl.evaluation.plots import COLORS, INCHES, metric_label
from reccl.evaluation.run_plots import DOTS, finish, write
from reccl.tuning.parameter import Choices, Range
from reccl.tuning.space import Space, short_names
from reccl.tuning.trial import COMPLETE, FAILED, PRUNED, Trial

COLUMNS = 3
DECADES = 30
"""Ratio of the ends of a logarithmic range below which 2 and 5 are marked, too."""


def draw_plots(
    title: str, space: Space, trials: Sequence[Trial], importances: Mapping[str, float], metric: str, folder: Path
) -> None:
    """history.png, slices.png and importance.png, the last where there are several keys."""
    folder.mkdir(parents=True, exist_ok=True)
    plot_history(f"{title}: validation", trials, metric, folder / "history.png")
    plot_slices(f"{title}: every trial over each key", space, trials, metric, folder / "slices.png")
    if len(importances) > 1:
        plot_importance(f"{title}: importance (PED-ANOVA)", importances, folder / "importance.png")


def plot_history(title: str, trials: Sequence[Trial], metric: str, path: Path) -> None:
    """The value of every trial, the best so far, and the config as it was."""
    figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    complete = in_state(trials, COMPLETE)
    scatter(axes, trials, {trial.number: trial.number for trial in trials})
    best = list(accumulate((trial.value or 0.0 for trial in complete), max))
    numbers = [trial.number for trial in complete]
    if best:
        numbers, best = [*numbers, max(trial.number for trial in trials)], [*best, best[-1]]
        axes.step(numbers, best, where="post", color=COLORS[1], label="best so far")
    for trial in complete:
        if trial.default:
            axes.axhline(trial.value or 0.0, color="0.6", linestyle="--", linewidth=1, label="the config as it is")
    for trial in in_state(trials, FAILED):
        axes.axvline(trial.number, color=COLORS[3], alpha=0.4, linewidth=1)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    finish(axes, "trial (a vertical line has failed)" if in_state(trials, FAILED) else "trial", metric_label(metric))
    write(figure, title, path)


def plot_slices(title: str, space: Space, trials: Sequence[Trial], metric: str, path: Path) -> None:
    """One part for each key: the value of a trial over what the key was."""
    names = short_names(space.keys)
    rows = -(-len(space.parameters) // COLUMNS)
    columns = min(COLUMNS, len(space.parameters))
    figure = Figure(figsize=(3.3 * columns + 0.6, 2.6 * rows + 0.5), dpi=DOTS, layout="constrained")
    parts: Any = figure.subplots(rows, columns, squeeze=False, sharey=True)
    for place, axes in enumerate(parts.flat):
        if place >= len(space.parameters):
            axes.set_axis_off()
            continue
        parameter = space.parameters[place]
        with_key = [trial for trial in trials if parameter.key in trial.values]
        values = {trial.number: trial.values[parameter.key] for trial in with_key}
        if isinstance(parameter, Choices):
            labels = list(parameter.labels())
            values = {number: labels.index(parameter.label(value)) for number, value in values.items()}
            axes.set_xticks(range(len(labels)), [short(label) for label in labels])
            axes.set_xlim(-0.5, len(labels) - 0.5)
        else:
            scale(axes, parameter)
        scatter(axes, with_key, values)
        axes.set_xlabel(names[place], fontsize=8)
        axes.tick_params(labelsize=7)
        axes.spines[["top", "right"]].set_visible(False)
        if place % columns == 0:
            axes.set_ylabel(metric_label(metric), fontsize=8)
        if place == 0 and in_state(trials, PRUNED):
            axes.legend(fontsize=7)
    write(figure, title, path)


def plot_importance(title: str, importances: Mapping[str, float], path: Path) -> None:
    """A bar for each key, the most important on top."""
    figure = Figure(figsize=(INCHES[0], 1.2 + 0.34 * len(importances)), dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    bars = axes.barh(range(len(importances)), list(importances.values()), color=COLORS[0])
    axes.bar_label(bars, fmt="%.2f", padding=3, fontsize=7)
    axes.set_yticks(range(len(importances)), short_names(list(importances)))
    axes.invert_yaxis()
    axes.margins(x=0.12)
    axes.set_xlabel("share of what completed trials differ in")
    axes.spines[["top", "right"]].set_visible(False)
    write(figure, title, path)


def scatter(axes: Axes, trials: Sequence[Trial], over: Mapping[int, Any]) -> None:
    """Completed trials as full dots, pruned ones, by their best epoch until then, as empty ones; `over` by number.

    What is far below most of the completed trials is not shown.
    """
    complete, pruned = in_state(trials, COMPLETE), in_state(trials, PRUNED)
    for some, style in (
        (pruned, {"facecolors": "none", "edgecolors": "0.6", "label": "pruned, best until then"}),
        (complete, {"color": COLORS[0], "label": "completed", "zorder": 3}),
    ):
        if some:
            axes.scatter([over[trial.number] for trial in some], [trial.value or 0.0 for trial in some], s=18, **style)
    values = sorted(trial.value or 0.0 for trial in complete)
    if len(values) > 1:
        top, low = values[-1], values[len(values) // 5]
        spread = top - low or 1e-3
        axes.set_ylim(low - 1.5 * spread, top + 0.2 * spread)


def scale(axes: Axes, parameter: Range) -> None:
    """All of a range, so that one sees where trials stand at its edge."""
    low, high = parameter.low, parameter.high
    if parameter.log:
        axes.set_xscale("log")
        axes.set_xlim(low / (high / low) ** 0.04, high * (high / low) ** 0.04)
        axes.xaxis.set_minor_formatter(NullFormatter())
        if high / low < DECADES:
            axes.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        return
    axes.set_xlim(low - 0.04 * (high - low), high + 0.04 * (high - low))
    if parameter.whole:
        axes.xaxis.set_major_locator(MaxNLocator(integer=True))


def in_state(trials: Sequence[Trial], state: str) -> list[Trial]:
    """Those in this state, with a value where they have to have one."""
    return [trial for trial in trials if trial.state == state and (trial.value is not None or state == FAILED)]


def short(label: object) -> str:
    """A label that fits under a tick."""
    text = str(label)
    return text if len(text) <= 14 else f"{text[:12]}.."
