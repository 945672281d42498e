"""Table: the rows of a study as text: Markdown, LaTeX and CSV."""

import csv
from collections.abc import Mapping, Sequence
from io import StringIO

from reccl.published import SPLITS, Figure
from reccl.studies.rows import Row

TEX = {"\\": r"\textbackslash{}", "~": r"\textasciitilde{}", "^": r"\textasciicircum{}"} | {
    letter: f"\\{letter}" for letter in "&%$#_{}"
}


def heads(metrics: Sequence[str]) -> list[str]:
    """The columns for people."""
    first, *others = (short(name) for name in metrics)
    return ["data", "method", "trials", "runs", first, "95% interval", *others, "train s", "tuning s", "kWh"]


def short(metric: str) -> str:
    """A metric as it stands in the head of a table.

    >>> short("ndcg_at_10"), short("cold/hit_rate_at_20")
    ('ndcg@10', 'cold/hit rate@20')
    """
    return metric.replace("_at_", "@").replace("_", " ")


def cells(row: Row, metrics: Sequence[str]) -> list[str]:
    """A row for people: means with deviations, - where there is nothing."""
    first, *others = (spread(row, name) for name in metrics)
    ends = "-" if row.low is None or row.high is None else f"{row.low:.4f} to {row.high:.4f}"
    runs = str(row.runs) if row.runs == row.planned else f"{row.runs} of {row.planned}"
    energy = "-" if row.energy is None else f"{row.energy:.2g}"
    return [
        row.data,
        row.method,
        str(row.trials),
        runs,
        first,
        ends,
        *others,
        seconds(row.seconds),
        seconds(row.tuning_seconds),
        energy,
    ]


def spread(row: Row, metric: str) -> str:
    """Mean and deviation."""
    if metric not in row.means:
        return "-"
    return f"{row.means[metric]:.4f}" + (f" ± {row.deviations[metric]:.4f}" if metric in row.deviations else "")


def seconds(value: float | None) -> str:
    """Seconds, small ones with two digits after the point.

    >>> seconds(0.1234), seconds(1234.5), seconds(None)
    ('0.12', '1,234', '-')
    """
    if value is None:
        return "-"
    return f"{value:.2f}" if value < 10 else f"{value:,.0f}"


def markdown(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """A table, with a column of notes where something failed."""
    noted = any(row.note for row in rows)
    columns = [*heads(metrics), *(["note"] if noted else [])]
    lines = [columns, ["---"] * 2 + ["---:"] * (len(columns) - 2 - noted) + ["---"] * noted]
    lines += [[*cells(row, metrics), *([row.note] if noted else [])] for row in rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def published_heads(figure: Figure) -> list[str]:
    """The columns of published figures, of one split."""
    k = next(split.k for split in SPLITS if split.name == figure.split)
    return ["method", f"ndcg@{k}", f"recall@{k}", "protocol", "source"]


def published_cells(figure: Figure) -> list[str]:
    """A row of them."""
    return [figure.method, f"{figure.ndcg:.4f}", f"{figure.recall:.4f}", figure.protocol, figure.source]


def published_markdown(published: Mapping[str, Sequence[Figure]]) -> str:
    """A table for each data set whose split is a published one; empty where none is."""
    text = ""
    for data, figures in published.items():
        columns = published_heads(figures[0])
        lines = [columns, ["---", "---:", "---:", "---", "---"], *(published_cells(figure) for figure in figures)]
        text += f"\nPublished for the split of {data}, by others:\n\n"
        text += "\n".join("| " + " | ".join(line) + " |" for line in lines) + "\n"
    return text


def latex(rows: Sequence[Row], metrics: Sequence[str], caption: str) -> str:
    """A table of the package booktabs, data sets apart; what failed stands below."""
    columns = heads(metrics)
    lines = [
        r"\begin{table}",
        rf"\caption{{{tex(caption)}}}",
        rf"\begin{{tabular}}{{ll{'r' * (len(columns) - 2)}}}",
        r"\toprule",
        " & ".join(tex(head) for head in columns) + r" \\",
    ]
    before = ""
    for row in rows:
        if row.data != before:
            lines.append(r"\midrule")
        name, *others = cells(row, metrics)
        texts = [tex(text).replace(" ± ", r" $\pm$ ").replace(" to ", "--") for text in others]
        lines.append(" & ".join(["" if row.data == before else tex(name), *texts]) + r" \\")
        before = row.data
    lines += [r"\bottomrule", r"\end{tabular}"]
    lines += [rf"% {row.data}, {row.method}: {row.note}" for row in rows if row.note]
    return "\n".join([*lines, r"\end{table}"]) + "\n"


def tex(text: str) -> str:
    r"""Text as LaTeX takes it.

    >>> print(tex("cold_items & 95% + 1"))
    cold\_items \& 95\% + 1
    """
    return "".join(TEX.get(letter, letter) for letter in text)


def as_csv(rows: Sequence[Row], metrics: Sequence[str]) -> str:
    """A line for each row, numbers in full; empty where there is nothing."""
    text = StringIO()
    writer = csv.writer(text, lineterminator="\n")
    of_metrics = [name for metric in metrics for name in (metric, f"{metric}_deviation")]
    ends = [f"{metrics[0]}_low", f"{metrics[0]}_high"]
    spent = ["train_seconds", "tuning_seconds", "energy_kwh"]
    writer.writerow(["data", "method", "trials", "runs", "planned_runs", *of_metrics, *ends, *spent, "note"])
    for row in rows:
        values = [part.get(metric) for metric in metrics for part in (row.means, row.deviations)]
        beside = [row.low, row.high, row.seconds, row.tuning_seconds, row.energy]
        writer.writerow([row.data, row.method, row.trials, row.runs, row.planned, *values, *beside, row.note])
    return text.getvalue()
