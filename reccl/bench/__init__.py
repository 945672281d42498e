"""Bench: runs of bundled configs beside the figures that others published for the same data."""

from reccl.bench.board import LEGEND, Line, board, csv, markdown
from reccl.bench.rows import ROWS, TASKS, Row, Task, select_rows
from reccl.bench.run import Result, command, run
from reccl.published import Figure, unlock

__all__ = [
    "LEGEND",
    "ROWS",
    "TASKS",
    "Figure",
    "Line",
    "Result",
    "Row",
    "Task",
    "board",
    "command",
    "csv",
    "markdown",
    "run",
    "select_rows",
    "unlock",
]
