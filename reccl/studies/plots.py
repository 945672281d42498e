"""Plots of a study: a forest of the differences between methods. Loads matplotlib."""

from collections.abc import Sequence
from pathlib import Path

from matplotlib.figure import Figure

from reccl.evaluation.plots import COLORS, INCHES, metric_label
from reccl.evaluation.run_plots import DOTS, write
from reccl.studies.claims import UNDECIDED, Claim

STEP = 0.22
"""Inches of a line."""


def plot_forest(title: str, claims: Sequence[Claim], data: Sequence[str], metric: str, path: Path) -> None:
    """A block for each pair: a line for each data set, and the mean over all; zero means that they are equal.

    Filled points are differences that hold after adjusting for their number; the intervals are not adjusted.
    """
    shown = [claim for claim in claims if claim.findings]
    several = len(data) > 1
    lines = sum(len(claim.findings) + several + 1 for claim in shown)
    figure = Figure(figsize=(INCHES[0] + 1, 1.3 + STEP * lines), dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    place, ticks = 0.0, list[tuple[float, str]]()
    axes.axvline(0, color="0.6", linestyle="--", linewidth=1)
    for claim in shown:
        ticks.append((place, f"{claim.first} against {claim.second}"))
        place += 1
        for name in data:
            if (found := claim.findings.get(name)) is None:
                continue
            one, color = found.difference, COLORS[list(data).index(name) % len(COLORS)]
            axes.plot([100 * one.low, 100 * one.high], [place, place], color=color, linewidth=1.5)
            filled = "white" if found.verdict == UNDECIDED else color
            axes.plot(100 * one.relative, place, "o", markersize=5, color=color, markerfacecolor=filled)
            ticks.append((place, name))
            place += 1
        if several and claim.effect:
            mean = claim.effect
            axes.plot([100 * mean.low, 100 * mean.high], [place, place], color="0.2", linewidth=2.2)
            axes.plot(100 * mean.relative, place, "D", markersize=5, color="0.2")
            ticks.append((place, "mean of data sets"))
            place += 1
    axes.set_yticks([at for at, _ in ticks], [text for _, text in ticks], fontsize=8)
    heads = {f"{claim.first} against {claim.second}" for claim in shown}
    for label in axes.get_yticklabels():
        if label.get_text() in heads:
            label.set_fontweight("bold")
    axes.set_ylim(place - 0.3, -0.7)
    axes.tick_params(axis="y", length=0)
    axes.grid(axis="x", color="0.92")
    axes.set_axisbelow(True)
    axes.spines[["top", "right", "left"]].set_visible(False)
    axes.set_xlabel(f"difference of test {metric_label(metric)}, %, with 95% interval; hollow: undecided (Holm)")
    write(figure, title, path)
