"""Board: results and published figures in one order, as a table for people, for papers and for programs."""

import csv as csv_files
from collections.abc import Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from io import StringIO

from reccl.bench.run import Result
from reccl.published import Figure

VALIDATION = "epoch and settings chosen on validation"
ON_TEST = "best epoch picked on test, for comparison only"


@dataclass(frozen=True)
class Line:
    """One line of the table: a run of ours, or a published figure."""

    data: str
    method: str
    ours: bool
    recall: float | None
    ndcg: float | None
    prepare: float | None
    """Seconds."""
    train: float | None
    evaluate: float | None
    peak: float | None
    """Peak memory, GiB."""
    note: str
    source: str
    """Run id, or where the figure was published."""

    def cells(self) -> tuple[str, ...]:
        """As text: method, recall, NDCG, seconds, memory."""
        measured = (f"{value:.4f}" if value is not None else "-" for value in (self.recall, self.ndcg))
        seconds = (f"{value:.1f}" if value is not None else "-" for value in (self.prepare, self.train, self.evaluate))
        return (self.method, *measured, *seconds, "-" if self.peak is None else f"{self.peak:.2f}")


COLUMNS = ("method", "recall", "ndcg", "prep", "train", "eval", "GiB")
LEGEND = "prep (or reading what was prepared before), train, eval: seconds; GiB: peak memory"


def board(data: str, results: Iterable[Result], published: Iterable[Figure]) -> list[Line]:
    """The lines of one data set, best NDCG first, failures last, and figures that its split has unlocked."""
    lines = [line for result in results if result.task.data == data for line in of_result(result)]
    lines += [
        Line(data, one.method, False, one.recall, one.ndcg, None, None, None, None, one.protocol, one.source)
        for one in published
    ]
    return sorted(lines, key=lambda line: -1.0 if line.ndcg is None else line.ndcg, reverse=True)


def of_result(result: Result) -> list[Line]:
    """A run of ours: as it is chosen on validation and, where that was measured, at its best epoch on test."""
    nothing = Line(result.task.data, result.row.config, True, None, None, None, None, None, None, "", result.run)
    if result.error:
        return [replace(nothing, note=f"failed: {result.error}")]
    recall, ndcg = result.task.metrics
    test, best = result.test, result.best_on_test
    prepare, train, evaluate = result.seconds()
    made = replace(
        nothing,
        recall=test[recall],
        ndcg=test[ndcg],
        prepare=prepare,
        train=train,
        evaluate=evaluate,
        peak=result.time["peak_memory_gib"],
        note=VALIDATION,
    )
    if not best:
        return [made]
    method = f"{result.row.config}, on test"
    return [made, replace(nothing, method=method, recall=best[recall], ndcg=best[ndcg], note=ON_TEST)]


def csv(lines: Sequence[Line]) -> str:
    """All lines with a head, numbers in full."""
    text = StringIO()
    writer = csv_files.DictWriter(text, [field.name for field in fields(Line)], lineterminator="\n")
    writer.writeheader()
    writer.writerows(asdict(line) for line in lines)
    return text.getvalue()


def markdown(title: str, lines: Sequence[Line]) -> str:
    """One table; ours in bold."""
    heads = (*COLUMNS, "note", "run or source")
    rows = [heads, ("---",) * len(heads)]
    for line in lines:
        name, *others = line.cells()
        rows.append((f"**{name}**" if line.ours else name, *others, line.note, line.source))
    body = "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in row) + " |" for row in rows)
    return f"## {title}\n\n{body}\n\n{LEGEND}\n"
