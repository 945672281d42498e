"""Progress: a bar with loss, metric and time left; one line an epoch where there is no terminal."""

from types import TracebackType
from typing import TYPE_CHECKING, Self

from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from reccl.cli.console import err, say

if TYPE_CHECKING:
    from reccl.training import Epoch

EVERY = 10
"""Without a terminal, one epoch in so many is printed (and every better one)."""


class TrainingProgress:
    """A `Watch` for people."""

    def __init__(self, metric: str) -> None:
        self.metric = metric
        self.bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=30),
            MofNCompleteColumn(),
            TextColumn("{task.fields[news]}"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=err,
            transient=True,
            disable=err.quiet or not err.is_terminal,
        )
        self.task, self.steps, self.best = self.bar.add_task("", visible=False, news=""), 1, "-"

    def __enter__(self) -> Self:
        self.bar.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, value: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.bar.stop()

    def begin(self, epochs: int, steps: int) -> None:
        """See `Watch`."""
        self.steps = steps
        self.bar.reset(self.task, total=epochs * steps, description=f"0/{epochs} epochs", visible=True, news="")
        self.epochs = epochs

    def step(self) -> None:
        """See `Watch`."""
        self.bar.advance(self.task)

    def epoch(self, record: "Epoch", best: bool) -> None:
        """See `Watch`."""
        loss = sum(record.losses.values())
        value = record.validation.get(self.metric)
        if best and value is not None:
            self.best = f"{value:.4f} (epoch {record.number})"
        news = f"loss {loss:.4f}  {self.metric} {self.best}"
        self.bar.update(self.task, description=f"{record.number}/{self.epochs} epochs", news=news)
        if not err.is_terminal and (record.number % EVERY == 0 or record.number in (1, self.epochs)):
            measured = "" if value is None else f"  {self.metric} {value:.4f}  best {self.best}"
            say(f"epoch {record.number}/{self.epochs}  loss {loss:.4f}{measured}  {record.seconds:.1f} s")
