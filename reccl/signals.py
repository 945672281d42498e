"""Signals: SIGTERM and a closed terminal end a command as Ctrl-C does; all three wait for what must not break off."""

import atexit
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

ENDING = (signal.SIGTERM, signal.SIGHUP)


class Termination(SystemExit):
    """A signal asked the command to end. It passes through `except Exception`, closes what is open, and is no error."""


def end_on_signals() -> None:
    """From now on these signals raise Termination, with the exit code that shells expect; ignored ones stay so."""
    for number in ENDING:
        if signal.getsignal(number) is signal.SIG_DFL:  # nohup has SIGHUP ignored
            signal.signal(number, terminate)


def exit_undisturbed() -> None:
    """Let Ctrl-C do nothing while the interpreter shuts down: it would only change the exit code."""
    atexit.register(signal.signal, signal.SIGINT, signal.SIG_IGN)  # what is registered last comes first


def end_as_rank(*, leads: bool) -> None:
    """From now on these signals and Ctrl-C end this process, one of several of one training, and are no error.

    Rank 0 closes what is open. The others have nothing open, and end at once, also while they wait for another rank.
    """
    for number in (signal.SIGINT, *ENDING):
        signal.signal(number, terminate if leads else signal.SIG_DFL)


def terminate(number: int, frame: FrameType | None) -> None:
    """End the command. A second signal does not interrupt what the first one has started."""
    for each in ENDING:
        signal.signal(each, signal.SIG_IGN)
    raise Termination(128 + number)


@contextmanager
def shield_from_signals() -> Iterator[None]:
    """Ctrl-C, and signals that `end_on_signals` handles, wait until the block ends; the second of them does not.

    A database whose transaction is broken off in the middle stays locked: so what is short and must not be.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    waiting: list[int] = []

    def wait(number: int, frame: FrameType | None) -> None:
        waiting.append(number)
        if len(waiting) > 1:
            restore()
            call(number)

    def restore() -> None:
        for number, handler in handlers.items():
            if callable(handler):
                signal.signal(number, handler)

    def call(number: int) -> None:
        handler = handlers[number]
        if callable(handler):
            handler(number, None)

    for number, handler in handlers.items():
        if callable(handler):  # others end the process at once, or do nothing
            signal.signal(number, wait)
    try:
        yield
    finally:
        restore()
        if len(waiting) == 1:
            call(waiting[0])


@contextmanager
def heed_signals() -> Iterator[Callable[[], None]]:
    """Ctrl-C, and signals that `end_on_signals` handles, count though a library swallows what they raise.

    Gives a function that raises it once more where there was one; what is raised in a `__del__`, or in a function that
    compiled code calls, is lost otherwise.
    """
    if threading.current_thread() is not threading.main_thread():
        yield lambda: None
        return
    handlers: dict[int, Any] = {number: signal.getsignal(number) for number in (signal.SIGINT, *ENDING)}
    heard: list[int] = []

    def hear(number: int, frame: FrameType | None) -> None:
        heard.append(number)
        handlers[number](number, frame)

    def check() -> None:
        if heard:
            handlers[heard[0]](heard[0], None)

    replaced = [number for number, handler in handlers.items() if callable(handler)]
    for number in replaced:
        signal.signal(number, hear)
    try:
        yield check
    finally:
        for number in replaced:
            if signal.getsignal(number) is hear:
                signal.signal(number, handlers[number])
