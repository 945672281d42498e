"""Compare as HTML: the report of `reccl compare` in one file, with a picture of the intervals and nothing to load."""

from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

from reccl.atomic import atomic_path
from reccl.cli.compare_who import describe_who
from reccl.errors import RunError

if TYPE_CHECKING:
    from reccl.comparison import Comparison, Entry

STYLE = """\
body { font: 15px/1.5 system-ui, sans-serif; max-width: 70rem; margin: 2rem auto; padding: 0 1rem; color: #222 }
table { border-collapse: collapse; margin: .5rem 0 1.5rem } th, td { padding: .25rem .8rem; text-align: right }
th { border-bottom: 2px solid #ccc } td { border-bottom: 1px solid #eee } .text { text-align: left }
h2 { margin-top: 2rem } svg text { font: 13px system-ui, sans-serif } .note { color: #666 }
"""
LISTED = 10
"""Users and items that are listed on each side, where no number is given."""


def write_report(compared: "Comparison", path: Path, listed: int = LISTED) -> None:
    """Write the whole report, with so many users and items on each side. Raises RunError where it cannot be written."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_path(path) as draft:
            draft.write_text(report(compared, listed), encoding="utf-8")
    except OSError as error:
        raise RunError(f"cannot write {path}: {error.strerror}; name another file") from None


def report(compared: "Comparison", listed: int = LISTED) -> str:
    """The HTML document."""
    title = escape(f"{len(compared.entries)} methods by {compared.metric}")
    sections = [
        methods(compared),
        differences(compared),
        published(compared),
        by_slice(compared),
        won_and_lost(compared, listed),
        configs(compared),
    ]
    body = "\n".join(section for section in sections if section)
    head = f'<meta charset="utf-8"><title>{title}</title><style>{STYLE}</style>'
    return f'<!doctype html>\n<html lang="en"><head>{head}</head><body>\n<h1>{title}</h1>\n{body}\n</body></html>\n'


def methods(compared: "Comparison") -> str:
    """Every method with its headline metrics."""
    names = compared.headline(6)
    rows = []
    for place, entry in enumerate(compared.entries, 1):
        cells = [str(place), entry.name, entry.id[:8], ", ".join(entry.seeds) or entry.parameters.get("seed", "-")]
        rows.append([*cells, *(number(entry, name) for name in names)])
    return table(["#", "name", "run", "seeds", *names], rows, text=(1, 2, 3))


def differences(compared: "Comparison") -> str:
    """The differences to the baseline, as a picture and a table."""
    base, found = compared.base(), compared.differences()
    if base is None or not found:
        return ""
    lines = [(entry.name, one.relative, one.low, one.high) for entry, one, _ in found]
    rows = [
        [
            entry.name, f"{one.relative:+.2%}", f"{one.low:+.2%} to {one.high:+.2%}", f"{p:.4f}", f"{one.effect:+.3f}",
            f"{one.better:.1%}", f"{one.worse:.1%}", f"{one.users:,}", str(one.seeds),
        ]
        for entry, one, p in found
    ]  # fmt: skip
    heads = ["name", "difference", "95 % interval", "p (Holm)", "effect", "better", "worse", "users", "seeds"]
    note = (
        "Relative difference of the means. Intervals: paired Bayesian bootstrap of users, and of seeds where both have "
        "several; p adjusted for their number (Holm). Effect: mean of the users' differences over their deviation."
    )
    heading = f"<h2>Against {escape(base.name)} ({base.id[:8]})</h2>"
    return f'{heading}{forest(lines)}{table(heads, rows, text=(0,))}<p class="note">{note}</p>'


def published(compared: "Comparison") -> str:
    """What others report for the very split of these runs."""
    rows = [
        [figure.method, f"{figure.ndcg:.4f}", f"{figure.recall:.4f}", figure.protocol, figure.source]
        for figure in compared.published()
    ]
    heads = ["method", "NDCG", "recall", "protocol", "source"]
    return f"<h2>Published for this split</h2>{table(heads, rows, text=(0, 3, 4))}" if rows else ""


def by_slice(compared: "Comparison") -> str:
    """The differences for groups of users and items."""
    rows, lines = [], []
    for metric in compared.slices():
        for entry in compared.entries:
            if one := compared.difference(entry, metric):
                name = f"{metric.split('/')[1]}: {entry.name}"
                lines.append((name, one.relative, one.low, one.high))
                cells = f"{one.relative:+.2%}", f"{one.low:+.2%} to {one.high:+.2%}"
                rows.append([name, f"{one.users:,}", *cells, f"{one.better:.1%}", f"{one.worse:.1%}"])
    if not rows:
        return ""
    heads = ["slice and method", "users", "difference", "95 % interval", "better", "worse"]
    return f"<h2>By slice</h2>{forest(lines)}{table(heads, rows, text=(0,))}"


def won_and_lost(compared: "Comparison", listed: int) -> str:
    """The users and items that gain and lose most between the best method and the baseline."""
    parts = []
    for line, sides in describe_who(compared, listed):
        parts.append(f"<p>{escape(line)}</p>")
        for side in sides:
            text = [place for place, head in enumerate(side.heads) if head not in side.right]
            parts.append(f"<h3>{escape(side.title)}</h3>{table(side.heads, side.rows, text=text)}")
    return f"<h2>Who won and who lost</h2>{''.join(parts)}" if parts else ""


def configs(compared: "Comparison") -> str:
    """What differs in the configs."""
    choices = compared.choices()
    heads = ["key", *(f"#{place} {entry.name}" for place, entry in enumerate(compared.entries, 1))]
    columns = tuple(range(len(heads)))
    rows = [[key, *values] for key, values in choices.items()]
    return f"<h2>What differs</h2>{table(heads, rows, text=columns)}" if choices else ""


def number(entry: "Entry", name: str) -> str:
    """A metric, with its deviation over seeds."""
    value, deviation = entry.metrics.get(name), entry.deviations.get(name)
    return "-" if value is None else f"{value:.4f}" + ("" if deviation is None else f" ± {deviation:.4f}")


def table(heads: Sequence[str], rows: Iterable[Sequence[str]], text: Sequence[int] = ()) -> str:
    """An HTML table; `text` are the columns that are no numbers."""

    def cells(tag: str, values: Sequence[str]) -> str:
        marks = (' class="text"' if place in text else "" for place in range(len(values)))
        return "".join(f"<{tag}{mark}>{escape(value)}</{tag}>" for mark, value in zip(marks, values, strict=True))

    body = "".join(f"<tr>{cells('td', row)}</tr>\n" for row in rows)
    return f"<table><tr>{cells('th', heads)}</tr>\n{body}</table>"


def forest(lines: Sequence[tuple[str, float, float, float]]) -> str:
    """A forest plot: name, difference, lower and upper end of every line; zero is the baseline."""
    left, width, step = 320, 560, 24
    low, high = min(0.0, *(line[2] for line in lines)), max(0.0, *(line[3] for line in lines))
    margin = 0.05 * (high - low) or 0.01
    low, high = low - margin, high + margin

    def x(value: float) -> float:
        return left + width * (value - low) / (high - low)

    height = step * len(lines) + 30
    drawn = [f'<line x1="{x(0):.1f}" x2="{x(0):.1f}" y1="0" y2="{height - 24}" stroke="#999" stroke-dasharray="4 3"/>']
    for place, (name, value, lower, upper) in enumerate(lines):
        y = step * place + 14
        color = "#999" if lower <= 0 <= upper else "#1a6fb5" if value > 0 else "#b5381a"
        drawn += [
            f'<text x="0" y="{y + 4}">{escape(name[:44])}</text>',
            f'<line x1="{x(lower):.1f}" x2="{x(upper):.1f}" y1="{y}" y2="{y}" stroke="{color}" stroke-width="2"/>',
            f'<circle cx="{x(value):.1f}" cy="{y}" r="4" fill="{color}"/>',
        ]
    ends = (value for value in (low + margin, high - margin) if abs(x(value) - x(0)) > 60)
    for value in (0.0, *ends):
        drawn.append(f'<text x="{x(value):.1f}" y="{height - 6}" text-anchor="middle">{value:+.1%}</text>')
    return f'<svg width="{left + width + 40}" height="{height}" role="img">{"".join(drawn)}</svg>'
