"""Plots of a run: learning curves, histograms of scores and popularity, a map of embeddings. Loads matplotlib."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from numpy.typing import NDArray

from reccl.evaluation.plots import COLORS, INCHES, metric_label

DOTS = 110
WIDE = (9.0, 3.6)
Numbers = NDArray[np.floating]


Curves = Mapping[str, Sequence[float | None]]


def plot_learning(title: str, losses: Curves, metrics: Curves, best: int, path: Path) -> None:
    """Losses left and validation metrics right, over epochs from 1; the chosen epoch is a dashed line."""
    figure = Figure(figsize=WIDE, dpi=DOTS, layout="constrained")
    for axes, curves, label in zip(figure.subplots(1, 2), (losses, metrics), ("loss", "validation"), strict=True):
        for number, (name, values) in enumerate(curves.items()):
            points = [(epoch, value) for epoch, value in enumerate(values, 1) if value is not None]
            shown = metric_label(name) if "_at_" in name else name
            axes.plot(*zip(*points, strict=True), marker=".", label=shown, color=COLORS[number % len(COLORS)])
        if best:
            axes.axvline(best, color="0.6", linestyle="--", linewidth=1, label=f"epoch {best} is kept")
        finish(axes, "epoch", label)
    write(figure, title, path)


def plot_histograms(title: str, scores: tuple[Numbers, Numbers], counts: tuple[Numbers, Numbers], path: Path) -> None:
    """Left, scores of held-out items and of any items; right, training interactions of items, and of those in lists.

    Args:
        title: of the whole picture.
        scores: [n] of held-out pairs, [m] of pairs by chance.
        counts: [I] training interactions of each item, [l] of each item of a list, once for each list.
        path: of the PNG.

    """
    figure = Figure(figsize=WIDE, dpi=DOTS, layout="constrained")
    left, right = figure.subplots(1, 2)
    (held_out, others), (catalog, listed) = scores, counts
    low, high = np.quantile(np.concatenate([held_out, others]), [0.001, 0.999])
    edges = np.linspace(low, high if high > low else low + 1, 41)
    left.hist(others, edges, density=True, alpha=0.6, color="0.6", label="any items")
    left.hist(held_out, edges, density=True, alpha=0.6, color=COLORS[0], label="test items")
    finish(left, "score", "density")
    edges = np.geomspace(1, max(float(catalog.max(initial=1)), 2) + 1, 31)
    for items, color, label in ((catalog, "0.6", "catalog"), (listed, COLORS[1], "top-20 lists")):
        weights = np.full(len(items), 1 / max(1, len(items)))
        right.hist(np.maximum(items, 1), edges, weights=weights, alpha=0.6, color=color, label=label)
    right.set_xscale("log")
    finish(right, "training interactions of an item", "share")
    write(figure, title, path)


def plot_map(title: str, points: Numbers, kinds: Sequence[str] | Numbers, label: str, path: Path) -> None:
    """Points [n, 2] in a plane, colored by a kind (few words, most frequent first) or by a number."""
    figure = Figure(figsize=(INCHES[0], 5.4), dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    if isinstance(kinds, np.ndarray):
        drawn = axes.scatter(points[:, 0], points[:, 1], c=kinds, s=6, cmap="viridis", linewidths=0)
        figure.colorbar(drawn, ax=axes, label=label)
    else:
        names = sorted(set(kinds), key=lambda name: (name == "other", -list(kinds).count(name), name))
        for number, name in enumerate(names):
            chosen = np.array([kind == name for kind in kinds])
            color = "0.8" if name == "other" else f"C{number}"
            above = 1 if name == "other" else 2
            x, y = points[chosen].T
            axes.scatter(x, y, s=7, color=color, linewidths=0, label=name, zorder=above)
        axes.legend(title=label, frameon=False, fontsize=8, loc="center left", bbox_to_anchor=(1, 0.5), markerscale=2)
    axes.set_xlabel("first principal component")
    axes.set_ylabel("second")
    axes.spines[["top", "right"]].set_visible(False)
    write(figure, title, path)


def finish(axes: Axes, below: str, left: str) -> None:
    """Labels and legend of one part, no frame."""
    axes.set_xlabel(below)
    axes.set_ylabel(left)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8)


def write(figure: Figure, title: str, path: Path) -> None:
    """Title, and the PNG."""
    figure.suptitle(title, x=0.01, ha="left", fontsize=10)
    figure.savefig(path)
