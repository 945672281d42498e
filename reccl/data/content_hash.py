"""Content hash: a table's content as one number, the same wherever and however the table was loaded."""

import hashlib
from io import BytesIO

import polars as pl

from reccl.errors import DataError

ROWS = 2**18
"""Rows that are written at once."""


def hash_table(table: pl.DataFrame) -> str:
    """SHA-256 (hex) of a table's column names, types and values.

    The values are hashed as JSON lines: the bytes of Arrow IPC differ with a table's chunks, and with the hidden values
    of its nulls. Raises DataError for Python objects, which have no content that can be written.

    >>> table = pl.DataFrame({"user": ["ann", None], "item": [1, 2]})
    >>> hash_table(table) == hash_table(pl.concat([table[:1], table[1:]]))
    True
    >>> hash_table(table) == hash_table(table.reverse())
    False
    """
    for name, dtype in table.schema.items():
        if dtype == pl.Object:
            raise DataError(f"column {name!r} holds Python objects, not values of one type; convert or drop it")
    table = table.with_columns(
        pl.col(pl.Categorical, pl.Enum).cast(pl.String), pl.col(pl.Binary).bin.encode("base64").name.keep()
    )
    key = hashlib.sha256(repr([(name, str(dtype)) for name, dtype in table.schema.items()]).encode())
    for start in range(0, table.height, ROWS):
        lines = BytesIO()
        table.slice(start, ROWS).write_ndjson(lines)
        key.update(lines.getbuffer())
    return key.hexdigest()


def hash_content(*tables: pl.DataFrame | None) -> str:
    """One hash of ids, rows of every part and features."""
    return hashlib.sha256(
        " ".join("-" if table is None else hash_table(table) for table in tables).encode()
    ).hexdigest()
