"""Terminal: a bar with loss, metric and time left; a line every few epochs where no bar can be drawn."""

from collections.abc import Sequence
from typing import TYPE_CHECKING

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from typing_extensions import override

from reccl.outcome import Outcome, RunCallback

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.data.dataset import Dataset
    from reccl.training import Epoch

EVERY = 10
"""Where no bar can be drawn, one epoch in so many is printed, and the first and the last."""


class TerminalProgress(RunCallback):
    """Shows training in a terminal, or as lines of text in a log file.

    Args:
        console: where to write; by default standard error.

    """

    def __init__(self, console: Console | None = None) -> None:
        self.console = console or Console(stderr=True, highlight=False, soft_wrap=True)
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[news]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=self.console,
            transient=True,
            disable=self.console.quiet or not self.console.is_terminal,
        )
        self.task = self.bar.add_task("", visible=False, news="")
        self.metric, self.best, self.epochs, self.steps = "", "-", 0, 0

    def say(self, message: str) -> None:
        """Print a line above the bar."""
        self.console.print(message, markup=False)

    @override
    def on_run_start(self, experiment: "Experiment", data: "Dataset") -> None:
        self.metric = experiment.training.metric
        self.bar.start()

    @override
    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.epochs, self.steps = epochs, steps
        self.bar.reset(self.task, total=epochs * steps, description=f"0/{epochs} epochs", visible=True, news="")

    @override
    def on_fit_resume(self, history: Sequence["Epoch"], best_epoch: int) -> None:
        self.bar.update(self.task, completed=len(history) * self.steps)
        best = next((record for record in history if record.number == best_epoch), None)
        if best and self.metric in best.validation:
            self.best = f"{best.validation[self.metric]:.4f} (epoch {best.number})"

    @override
    def on_step_end(self) -> None:
        self.bar.advance(self.task)

    @override
    def on_epoch_end(self, record: "Epoch", improved: bool) -> None:
        loss = sum(record.losses.values())
        value = record.validation.get(self.metric)
        if improved and value is not None:
            self.best = f"{value:.4f} (epoch {record.number})"
        news = f"loss {loss:.4f}  {self.metric} {self.best}"
        self.bar.update(self.task, description=f"{record.number}/{self.epochs} epochs", news=news)
        if not self.console.is_terminal and (record.number % EVERY == 0 or record.number in (1, self.epochs)):
            measured = "" if value is None else f"  {self.metric} {value:.4f}  best {self.best}"
            text = f"epoch {record.number}/{self.epochs}  loss {loss:.4f}{measured}  {record.seconds:.1f} s"
            self.console.print(text, markup=False)

    @override
    def on_run_end(self, outcome: Outcome) -> None:
        self.bar.stop()

    @override
    def on_run_error(self, error: BaseException) -> None:
        self.bar.stop()
