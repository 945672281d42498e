"""A signal counts though a library swallows what it raises."""

import os
import signal
import threading
from collections.abc import Iterator

import pytest

from reccl.signals import Termination, heed_signals, terminate


class Careless:
    """An object whose end is interrupted: Python says so, and goes on."""

    def __init__(self, number: int) -> None:
        self.number = number

    def __del__(self) -> None:
        os.kill(os.getpid(), self.number)
        for _ in range(1000):  # a handler runs between two steps of Python
            pass


@pytest.fixture
def handlers() -> Iterator[None]:
    numbers = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    before = {number: signal.getsignal(number) for number in numbers}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize(("number", "error"), [(signal.SIGINT, KeyboardInterrupt), (signal.SIGTERM, Termination)])
def test_what_was_swallowed_is_raised_at_the_next_check(handlers, number: int, error: type[BaseException]) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, terminate)
    with heed_signals() as check:
        check()
        Careless(number)
        with pytest.raises(error):
            check()


def test_handlers_are_as_before_and_ignored_signals_stay_ignored(handlers) -> None:
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    with heed_signals() as check:
        assert signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
        os.kill(os.getpid(), signal.SIGHUP)
        check()
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_another_thread_hears_nothing() -> None:
    checks = []

    def listen() -> None:
        with heed_signals() as check:
            checks.append(check())

    thread = threading.Thread(target=listen)
    thread.start()
    thread.join()
    assert checks == [None]
