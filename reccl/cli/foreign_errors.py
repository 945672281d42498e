"""Foreign errors: what other libraries and the system raise, as one line with what to do."""

import errno
from collections.abc import Iterator

from reccl.errors import describe_error

SMALLER = "make it smaller (encoder.dimension, training.batch_size, evaluation.cutoffs), or use a machine with more"
ELSEWHERE = "free some space, or set TMPDIR, RECCL_CACHE or MLFLOW_TRACKING_URI to another place"
FULL = (errno.ENOSPC, errno.EDQUOT)
OUT_OF_MEMORY = ("can't allocate memory", "out of memory", "Unable to allocate", "not enough memory")


def explain_foreign(error: BaseException) -> str:
    """One line about an error that reccl did not foresee, and what to do next.

    >>> explain_foreign(MemoryError()).partition(";")[0]
    'not enough memory (MemoryError)'
    """
    line = next((text for text in (find_text(each) for each in chain(error)) if text), None)
    line = line or f"{describe_error(error)}; this may be a mistake in reccl"
    return f"{line}; --debug shows the traceback"


def chain(error: BaseException | None) -> Iterator[BaseException]:
    """The error, and those that it came from."""
    for _ in range(20):
        if error is None:
            return
        yield error
        error = error.__cause__ or error.__context__


def find_text(error: BaseException) -> str | None:
    """What is known about errors of this kind; None where nothing is."""
    library, said = type(error).__module__.partition(".")[0], describe_error(error, where=False)
    match error:
        case MemoryError():
            return f"not enough memory ({said}); {SMALLER}"
        case RuntimeError() if any(words in str(error) for words in OUT_OF_MEMORY):
            return f"not enough memory ({said}); {SMALLER}"
        case RecursionError():
            return f"something is nested too deeply ({said}); make the config or the data flatter"
        case ImportError():
            name = error.name or "a package"
            return f"cannot import {name} ({said}); install it (pip install {name.partition('.')[0]}), or mend it"
        case OSError():
            return find_system_text(error, said)
        case UnicodeError():
            return f"text in an encoding that cannot be read or shown ({said}); use UTF-8"
    if library in ("mlflow", "sqlalchemy", "alembic", "sqlite3"):
        return f"the run store failed ({said}); check MLFLOW_TRACKING_URI, or the folder mlruns"
    if library in ("polars", "pyarrow"):
        return f"the data cannot be read ({said}); check the files of the data section"
    return None


def find_system_text(error: OSError, said: str) -> str | None:
    """What is known about an error of the system."""
    where = f" of {error.filename}" if error.filename else ""
    if error.errno in FULL:
        return f"the disk{where} is full ({said}); {ELSEWHERE}"
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        return f"no permission ({said}); choose another place, or change the permissions"
    if error.errno == errno.EMFILE:
        return f"too many open files ({said}); raise the limit with ulimit -n"
    if isinstance(error, ConnectionError | TimeoutError):
        return f"no connection ({said}); check the address and the network"
    if isinstance(error, FileNotFoundError) and error.filename is None:
        return f"the current folder is gone ({said}); change to one that exists"
    return f"the system refused ({said}); check that path" if error.filename else None
