"""Plots of cold start: groups as bars, k-shot as a curve. Loads matplotlib, so the room's index leaves it out."""

from collections.abc import Mapping
from pathlib import Path

from matplotlib.figure import Figure

INCHES, DOTS = (7.0, 4.2), 150
COLORS = ("#3b6fb6", "#e0803a", "#4c9a5f", "#9a4c8b")


def plot_groups(title: str, groups: Mapping[str, Mapping[str, float]], metrics: tuple[str, ...], path: Path) -> None:
    """A bar for every group (top to bottom) and metric, as PNG."""
    figure = Figure(figsize=(INCHES[0], 1.2 + 0.34 * len(groups)), dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    height = 0.8 / len(metrics)
    for number, metric in enumerate(metrics):
        places = [place + (number - (len(metrics) - 1) / 2) * height for place in range(len(groups))]
        values = [means[metric] for means in groups.values()]
        drawn = axes.barh(places, values, height, label=metric_label(metric), color=COLORS[number])
        axes.bar_label(drawn, fmt="%.3f", padding=3, fontsize=7)
    axes.set_yticks(range(len(groups)), [name.replace("_", " ") for name in groups])
    axes.invert_yaxis()
    axes.margins(x=0.12)
    save_figure(figure, title, path)


def plot_curves(title: str, curves: Mapping[str, Mapping[int, Mapping[str, float]]], metric: str, path: Path) -> None:
    """A metric over the interactions given, a line for each curve, as PNG."""
    figure = Figure(figsize=INCHES, dpi=DOTS, layout="constrained")
    axes = figure.add_subplot()
    for number, (name, curve) in enumerate(curves.items()):
        style = "--" if "popularity" in name else "-"
        values = [means[metric] for means in curve.values()]
        axes.plot([*curve], values, style, marker="o", markersize=4, label=name, color=COLORS[number % len(COLORS)])
    axes.set_xticks(sorted({shots for curve in curves.values() for shots in curve}))
    axes.set_ylim(bottom=0)
    axes.set_xlabel("interactions given")
    axes.set_ylabel(metric_label(metric))
    save_figure(figure, title, path)


def save_figure(figure: Figure, title: str, path: Path) -> None:
    """Title, legend, no frame; written to `path`."""
    (axes,) = figure.axes
    axes.set_title(title, loc="left", fontsize=10, pad=24)
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False, fontsize=8, ncols=4, loc="lower left", bbox_to_anchor=(0, 1), borderaxespad=0.2)
    figure.savefig(path)


def metric_label(metric: str) -> str:
    """`ndcg_at_20` as NDCG@20.

    >>> metric_label("ndcg_at_20"), metric_label("hit_rate_at_10")
    ('NDCG@20', 'Hit rate@10')
    """
    name, _, k = metric.partition("_at_")
    name = name.upper() if name in ("ndcg", "map", "mrr") else name.replace("_", " ").capitalize()
    return f"{name}@{k}"
