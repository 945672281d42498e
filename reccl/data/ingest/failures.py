"""Failures: what polars raises where a file or a value cannot be read, and what it says, in one line."""

import polars as pl

READING = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError)
"""What reading a table may raise; damaged Parquet and Arrow files make polars panic, which is no Exception."""
LONGEST = 300
"""Most characters of a reason: polars may quote a whole line of the file."""


def give_reason(error: BaseException) -> str:
    r"""The first line of what an error says.

    >>> give_reason(ValueError("no such column\nResolved plan until failure: ..."))
    'no such column'
    """
    said = (str(error).strip().splitlines() or [type(error).__name__])[0]
    reason = said if len(said) <= LONGEST else f"{said[:LONGEST]}..."
    return f"it is damaged ({reason})" if isinstance(error, pl.exceptions.PanicException) else reason
