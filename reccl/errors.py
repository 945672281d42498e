"""The errors a user can meet. Each says what is wrong, where, and what to do next, in one line."""

from collections.abc import Iterable
from difflib import get_close_matches
from traceback import extract_tb
from typing import Any


class RecclError(Exception):
    """A known failure. The command line prints its text as one line and exits with `exit_code`."""

    exit_code = 1


class ConfigError(RecclError):
    """A config file, an override or an option that cannot mean anything."""

    exit_code = 2


class DataError(RecclError):
    """Raw files that are missing, unreadable, or not what the pipeline expects."""


class TrainingError(RecclError):
    """Training that cannot start or cannot go on (no such device, a loss that is not finite)."""


class RunError(RecclError):
    """A run that does not exist, is ambiguous, or holds no model."""


class NotBetterError(RecclError):
    """A run whose model is not shown to be better than the one that is served, which stays."""


class UnrecordedError(RecclError):
    """A training that succeeded, and could not be recorded: its results wait in a folder."""

    exit_code = 3


class ProcessError(RecclError):
    """One of several processes that train a model together has ended, and with it all others."""

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'temperature'?` where something near is known, else an empty string.

    >>> did_you_mean("temprature", ["temperature", "layers"])
    "; did you mean 'temperature'?"

    Names with folders are also known by their last part, the shortest first:

    >>> did_you_mean("simgcl", ["methods/simgcl", "methods/xsimgcl"])
    "; did you mean 'methods/simgcl' or 'methods/xsimgcl'?"
    """
    spelled = sorted(known, key=len, reverse=True)
    meant = {**{name.rpartition("/")[2]: name for name in spelled}, **{name: name for name in spelled}}
    near = dict.fromkeys(meant[name] for name in get_close_matches(word, meant, n=3, cutoff=0.6))
    return f"; did you mean {' or '.join(repr(name) for name in near)}?" if near else ""


MANY = 60
"""Most names that an error lists."""


def join_names(names: Iterable[str]) -> str:
    """Names as one readable list: `a, b, c`."""
    listed = sorted(names)
    more = f" ... ({len(listed):,} in all)" if len(listed) > MANY else ""
    return ", ".join(cut(name) for name in listed[:MANY]) + more or "none"


def shorten(value: Any, longest: int = 80) -> str:
    """A value as Python writes it, cut where it is long.

    >>> shorten("ab" * 50, 8)
    "'abababa..."
    """
    try:
        return cut(repr(value), longest)
    except ValueError:  # a number of more digits than Python writes
        return f"a value of type {type(value).__name__} that cannot be written"


def cut(text: str, longest: int = 120) -> str:
    """Text on one line, cut where it is long."""
    line = " ".join(text.split()) if "\n" in text else text
    return line if len(line) <= longest else f"{line[:longest]}..."


def describe_error(error: BaseException, where: bool = True) -> str:
    """A foreign exception in one line: what it is, what it says, and `where` in the code it was raised.

    >>> describe_error(ZeroDivisionError("division by zero"))
    'ZeroDivisionError: division by zero'
    """
    said = (str(error).strip().splitlines() or [""])[0][:300]
    frames = extract_tb(error.__traceback__)
    place = f" ({frames[-1].filename}, line {frames[-1].lineno})" if frames and where else ""
    return f"{type(error).__name__}{f': {said}' if said else ''}{place}"
