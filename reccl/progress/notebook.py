"""Notebook: one block below the cell, rewritten in place while training runs; it needs no widgets."""

from collections.abc import Sequence
from html import escape
from time import monotonic
from typing import TYPE_CHECKING, Any

from typing_extensions import override

from reccl.outcome import Outcome, RunCallback

if TYPE_CHECKING:
    from reccl.config import Experiment
    from reccl.data.dataset import Dataset
    from reccl.training import Epoch

INTERVAL = 0.2
"""Seconds between two updates: more would only keep the browser busy."""
STYLE = "font-family: var(--jp-code-font-family, monospace); font-size: 0.9em; line-height: 1.4; white-space: pre-wrap"
BAR = "width: 14em; vertical-align: middle"


class NotebookProgress(RunCallback):
    """Shows what was said so far, and a bar with loss, best metric and time; of a finished fit one line stays.

    The output has a plain-text form too, so that it reads well in what notebooks are converted to.
    """

    def __init__(self) -> None:
        self.lines: list[str] = []
        self.handle: Any = None
        self.metric = ""
        self.epochs = self.total = self.steps = self.epoch = 0
        self.loss = self.best = ""
        self.started = self.updated = 0.0

    def say(self, message: str) -> None:
        """Add a line of text."""
        self.finish_fit()
        self.lines.append(message)
        self.update()

    @override
    def on_run_start(self, experiment: "Experiment", data: "Dataset") -> None:
        self.metric = experiment.training.metric

    @override
    def on_fit_start(self, epochs: int, steps: int) -> None:
        self.finish_fit()
        self.epochs, self.total, self.steps, self.epoch = epochs, epochs * steps, 0, 0
        self.loss = self.best = ""
        self.started = monotonic()
        self.update()

    @override
    def on_fit_resume(self, history: Sequence["Epoch"], best_epoch: int) -> None:
        self.steps = self.total // self.epochs * len(history)
        for record in history:
            self.show_epoch(record, record.number == best_epoch)

    @override
    def on_step_end(self) -> None:
        self.steps += 1
        if monotonic() - self.updated > INTERVAL:
            self.update()

    @override
    def on_epoch_end(self, record: "Epoch", improved: bool) -> None:
        self.show_epoch(record, improved)
        if record.number == self.epochs:
            self.finish_fit()
            self.update()

    def show_epoch(self, record: "Epoch", improved: bool) -> None:
        """What the bar says after an epoch."""
        self.epoch = record.number
        self.loss = f"loss {sum(record.losses.values()):.4f}"
        if improved and self.metric in record.validation:
            self.best = f"best {self.metric} {record.validation[self.metric]:.4f} (epoch {record.number})"

    @override
    def on_run_end(self, outcome: Outcome) -> None:
        self.finish_fit()
        self.update()

    @override
    def on_run_error(self, error: BaseException) -> None:
        self.finish_fit()
        self.update()

    def finish_fit(self) -> None:
        """Turn the bar of a fit that is over into a line."""
        if self.total:
            self.lines.append(self.status(f"{self.epoch} epochs"))
        self.total = 0

    def status(self, epochs: str) -> str:
        """What is known of the fit, e.g. `12/40 epochs in 3 s, loss 7.48, best ndcg_at_10 0.0928 (epoch 10)`."""
        news = [f"{epochs} in {clock(monotonic() - self.started)}", self.loss, self.best]
        return ", ".join(filter(None, news))

    def update(self) -> None:
        """Show it as it is now."""
        from IPython.display import display

        self.updated = monotonic()
        block = {"text/plain": self.as_text(), "text/html": self.as_html()}
        if self.handle is None:
            self.handle = display(block, raw=True, display_id=True)
        else:
            self.handle.update(block, raw=True)

    def as_text(self) -> str:
        """The block as plain text."""
        return "\n".join([*self.lines, *([self.bar_label()] if self.total else [])])

    def as_html(self) -> str:
        """The block as HTML."""
        text = escape("\n".join(self.lines))
        bar = (
            f'<progress value="{self.steps}" max="{self.total}" style="width: 14em; vertical-align: middle"></progress>'
        )
        running = f"\n{bar} {escape(self.bar_label())}" if self.total else ""
        return f'<div style="{STYLE}">{text}{running}</div>'

    def bar_label(self) -> str:
        """What stands beside the bar."""
        passed = monotonic() - self.started
        left = f", {clock(passed * (self.total - self.steps) / self.steps)} left" if self.steps else ""
        return self.status(f"{self.epoch}/{self.epochs} epochs") + left


def clock(seconds: float) -> str:
    """A duration as a person says it.

    >>> clock(8.4), clock(75)
    ('8 s', '1 min 15 s')

    """
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes} min {rest} s" if minutes else f"{rest} s"
