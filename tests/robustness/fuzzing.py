"""Fuzzing: what every call with random input must keep to, how many were made, and how many a test makes.

A call works, or raises a RecclError with one line for each thing that is wrong: no other exception, in bounded time and
memory. The few cases of a usual run are the same each time; the many of the slow suite differ from run to run.
"""

import resource
import sys
from collections import Counter
from collections.abc import Callable
from datetime import timedelta
from typing import TypeVar

from hypothesis import HealthCheck, settings

from reccl.errors import RecclError

T = TypeVar("T")
Outcome = tuple[T | None, RecclError | None]
SECONDS = 10
"""Longest that a call may take, as in the corpus."""
MEBIBYTES = 512
"""Most that a call may add to the memory of the process."""
LINE, LINES = 1500, 25
"""Longest line of an error, and most lines."""
TRIED: Counter[tuple[str, bool]] = Counter()
"""Calls by what was tried, and whether it worked."""


def cases(count: int, *, same: bool = False) -> settings:
    """Settings of hypothesis for so many cases; the `same` in each run or not."""
    return settings(
        max_examples=count,
        deadline=timedelta(seconds=SECONDS),
        derandomize=same,
        database=None,
        print_blob=True,
        suppress_health_check=list(HealthCheck),
    )


few = cases(150, same=True)
"""What runs with all other tests."""


def ends_well(what: str, call: Callable[[], T]) -> Outcome[T]:
    """What a call gives, or its error, both checked; any other exception goes on."""
    before, made, refused = peak_mebibytes(), None, None
    try:
        made = call()
    except RecclError as error:
        refused = error
    TRIED[what, refused is None] += 1
    assert peak_mebibytes() - before < MEBIBYTES
    if refused is not None:
        check_error(refused)
    return made, refused


def check_error(error: RecclError) -> None:
    """An error is a few lines of bearable length, and says more than nothing."""
    assert error.exit_code in (1, 2)
    lines = str(error).splitlines()
    assert 1 <= len(lines) <= LINES, lines
    assert all(line.strip() and len(line) <= LINE for line in lines), lines


def peak_mebibytes() -> int:
    """The most memory that this process has held so far."""
    unit = 2**20 if sys.platform == "darwin" else 2**10
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // unit
