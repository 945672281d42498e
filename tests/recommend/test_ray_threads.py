"""Threads of Ray have ended before Ray does, whatever an error's traceback still holds."""

import threading
from collections.abc import Iterator

import pytest

from reccl.recommend.ray_threads import joined_threads


class Stream:
    """Rows from a thread, which ends when nobody holds the rows any more: as those of Ray Data do."""

    def __init__(self) -> None:
        self.stopped, self.thread = threading.Event(), threading.Thread(target=self.wait, daemon=True)

    def wait(self) -> None:
        self.stopped.wait(10)

    def rows(self) -> Iterator[int]:
        self.thread.start()
        try:
            while True:
                yield 1
        finally:
            self.stopped.set()


def interrupt(stream: Stream) -> None:
    rows = stream.rows()
    next(rows)
    raise KeyboardInterrupt


def test_an_interruption_releases_what_its_functions_held_and_waits_for_their_threads() -> None:
    stream = Stream()
    with pytest.raises(KeyboardInterrupt) as told, joined_threads():
        interrupt(stream)
    assert stream.stopped.is_set()
    assert not stream.thread.is_alive()
    assert told.traceback[-1].name == "interrupt"


def test_threads_have_ended_where_all_went_well_too() -> None:
    thread = threading.Thread(target=threading.Event().wait, args=(0.2,), daemon=True)
    with joined_threads():
        thread.start()
    assert not thread.is_alive()


def test_threads_that_were_there_before_go_on() -> None:
    stream = Stream()
    next(rows := stream.rows())
    with joined_threads():
        pass
    assert stream.thread.is_alive()
    rows.close()  # type: ignore[attr-defined]
    stream.thread.join(10)
