"""Progress: how training looks while it runs, in a terminal, a notebook or a log file."""

from rich.console import Console

from reccl.progress.notebook import NotebookProgress
from reccl.progress.terminal import TerminalProgress

__all__ = ["NotebookProgress", "Progress", "TerminalProgress", "choose_progress"]

Progress = NotebookProgress | TerminalProgress


def choose_progress() -> Progress:
    """What suits the place: a block in a notebook's cell, else standard error."""
    return NotebookProgress() if in_notebook() else TerminalProgress()


def in_notebook() -> bool:
    """Whether this runs in Jupyter, Colab or Databricks."""
    return Console().is_jupyter
