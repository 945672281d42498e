"""Callback: hears how training goes."""

from collections.abc import Sequence

from typing_extensions import override

from reccl.training.epoch import Epoch


class Callback:
    """Subclass it and override what you want to hear of; every method does nothing here."""

    def on_fit_start(self, epochs: int, steps: int) -> None:
        """Training starts: at most `epochs` of `steps` each."""

    def on_fit_resume(self, history: Sequence[Epoch], best_epoch: int) -> None:
        """Training goes on after these epochs, which another process ran; `best_epoch` is the number of the best."""

    def on_step_end(self) -> None:
        """The optimizer has taken one step."""

    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        """One epoch is over; `improved` where it is the best so far by the validation metric."""


class Callbacks(Callback):
    """Several callbacks as one, called in order.

    >>> class Count(Callback):
    ...     steps = 0
    ...     def on_step_end(self): self.steps += 1
    >>> first, second = Count(), Count()
    >>> Callbacks([first, second]).on_step_end()
    >>> first.steps + second.steps
    2
    """

    def __init__(self, members: Sequence[Callback]) -> None:
        self.members = tuple(members)

    @override
    def on_fit_start(self, epochs: int, steps: int) -> None:
        for member in self.members:
            member.on_fit_start(epochs, steps)

    @override
    def on_fit_resume(self, history: Sequence[Epoch], best_epoch: int) -> None:
        for member in self.members:
            member.on_fit_resume(history, best_epoch)

    @override
    def on_step_end(self) -> None:
        for member in self.members:
            member.on_step_end()

    @override
    def on_epoch_end(self, record: Epoch, improved: bool) -> None:
        for member in self.members:
            member.on_epoch_end(record, improved)
