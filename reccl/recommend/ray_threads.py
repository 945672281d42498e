"""Ray threads: what Ray runs beside this thread ends before Ray itself does.

Ray's compiled part ends the whole process, at once and with exit code 1, where a thread asks it for anything while it
is shut down; the release of an object is enough. Ray Data asks from threads of its own; interrupted, it does not wait
long for them, and the traceback of the interruption keeps alive what tells them to stop.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from traceback import clear_frames

SECONDS = 20.0
"""How long these threads may take to end; they need less than one, on a machine that is not busy."""


@contextmanager
def joined_threads() -> Iterator[None]:
    """Threads that were started within the block have ended when it has.

    Variables of the functions that an error has passed through, which nobody can ask for any more, are cleared: its
    traceback stays as it was.
    """
    before = set(threading.enumerate())
    try:
        yield
    except BaseException as error:
        clear_frames(error.__traceback__)
        raise
    finally:
        join_threads(before)


def join_threads(before: set[threading.Thread]) -> None:
    """Wait for threads that were not there before: those that the end of the process would not wait for."""
    end = time.monotonic() + SECONDS
    for thread in set(threading.enumerate()) - before:
        if thread.daemon and not isinstance(thread, threading._DummyThread):
            thread.join(max(0.0, end - time.monotonic()))
