"""Board: what all methods came to, as one Markdown table with intervals, and what it says in words."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from statistics import mean, stdev
from typing import Any

from processes import Peer
from protocol import Measured

from reccl.evaluation.bootstrap import compare_methods, mean_interval
from reccl.evaluation.result import select_metric

MAIN = "ndcg_at_20"
SHOWN = {"recall_at_20": "Recall@20", "ndcg_at_10": "NDCG@10", MAIN: "NDCG@20"}


@dataclass(frozen=True)
class Row:
    """A method with one choice of settings, fitted with one seed or several."""

    library: str
    method: str
    choice: str  # as is, tuned, or both where validation found nothing better than the defaults
    settings: Mapping[str, Any]
    validation: float | None  # NDCG@20 of the training rows' fit
    runs: Sequence[Measured] = ()  # of every seed, on test
    fit_s: Sequence[float] = ()
    score_s: Sequence[float] = ()
    peak_gib: Sequence[float] = ()
    error: str = ""

    def mean(self, metric: str = MAIN) -> float:
        """A metric on test, over seeds."""
        return mean(run.metrics[metric] for run in self.runs)

    def tables(self, metric: str = MAIN) -> list[Any]:
        """Every user's value of it, a table a seed."""
        return [select_metric(run.per_user, metric) for run in self.runs]

    def odd(self) -> dict[str, int]:
        """What was odd about the lists, the most over seeds."""
        names = {name for run in self.runs for name in run.odd}
        return {name: max(run.odd.get(name, 0) for run in self.runs) for name in sorted(names)}

    def describe(self) -> str:
        """In a few words, for those who wait."""
        return f"{self.choice} {self.error or f'{self.mean():.4f}'}"

    def cells(self) -> list[str]:
        """Of the table."""
        values = [
            write(mean(v), stdev(v) if len(v) > 1 else None) for m in SHOWN if (v := [r.metrics[m] for r in self.runs])
        ]
        low, high = mean_interval(self.tables()) or (float("nan"),) * 2
        cost = f"{mean(self.fit_s):.1f}", f"{mean(self.score_s):.1f}", f"{max(self.peak_gib):.2f}"
        seeds = str(len(self.runs))
        return [self.library, self.method, self.choice, seeds, *values, f"{write(low)} to {write(high)}", *cost]


def write_board(about: str, rows: Sequence[Row], peers: Sequence[Peer], ours: str) -> str:
    """The table, best NDCG@20 first, and below it what is to be known of it."""
    good = sorted((row for row in rows if row.runs), key=lambda row: -row.mean())
    heads = [
        "library",
        "method",
        "settings",
        "seeds",
        *SHOWN.values(),
        f"{SHOWN[MAIN]}: 95 %",
        "fit s",
        "score s",
        "GiB",
    ]
    lines = [about, "", line(heads), line(["---"] * len(heads)), *(line(row.cells()) for row in good), ""]
    lines += [f"- {row.library} {row.method}: failed: {row.error}" for row in rows if not row.runs]
    lines += [f"- {peer.name}: not installed: {peer.missing}" for peer in peers if peer.missing]
    for row in good:
        if odd := row.odd():
            counted = ", ".join(f"{number} {name.replace('_', ' ')}" for name, number in odd.items())
            lines.append(f"- {row.library} {row.method} ({row.choice}): {counted}")
    lines += compare_best(good, ours)
    versions = (f"{peer.name} {peer.version}" for peer in peers if not peer.missing)
    lines += ["", f"Versions: {', '.join(versions)}.", "", "Settings that validation chose:", ""]
    chosen = (row for row in good if row.settings)
    lines += [f"- {row.library} {row.method}: {write_settings(row.settings)} ({row.validation:.4f})" for row in chosen]
    return "\n".join(lines) + "\n"


def compare_best(rows: Sequence[Row], ours: str) -> list[str]:
    """Ours that validation found best against theirs that it found best, paired by user."""
    tuned = [row for row in rows if row.choice != AS_IS and row.validation is not None]
    sides = [[row for row in tuned if (row.library == ours) == mine] for mine in (True, False)]
    if not all(sides):
        return []
    mine, theirs = (max(side, key=lambda row: row.validation or 0.0) for side in sides)
    found = compare_methods(mine.tables(), theirs.tables())
    if found is None:
        return []
    names = f"{mine.library} {mine.method} against {theirs.library} {theirs.method}"
    said = f"{found.relative:+.1%} [{found.low:+.1%}, {found.high:+.1%}]"
    return [f"- best by validation, {names}: test {SHOWN[MAIN]} {said}, p {found.p:.4f}, {found.users:,} users"]


AS_IS, TUNED, BOTH = "as is", "tuned", "as is (best of the trials)"


def line(cells: Sequence[str]) -> str:
    """Of a Markdown table."""
    return f"| {' | '.join(cells)} |"


def write(value: float, deviation: float | None = None) -> str:
    """A metric with four places, with its deviation over seeds where there are several."""
    return f"{value:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")


def write_settings(settings: Mapping[str, Any]) -> str:
    """Settings in one line."""
    return ", ".join(f"{name} {value}" for name, value in settings.items()) or "defaults"
