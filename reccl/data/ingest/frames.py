"""Frames: tables in memory (polars, pandas, pyarrow) as values of a config."""

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any, Self

import polars as pl
from pydantic import BeforeValidator, PlainSerializer

from reccl.data.content_hash import hash_table
from reccl.errors import ConfigError, DataError

RECORD = {"fingerprint", "rows", "columns"}


@dataclass(frozen=True, eq=False)
class Frame:
    """A table in memory, or (`table` None) the record of one that a config was written with.

    >>> frame = Frame.from_any(pl.DataFrame({"user": [1, 2], "item": ["a", "b"]}))
    >>> frame.record["rows"], frame.record["columns"]
    (2, ['user', 'item'])
    >>> Frame.from_any(frame.record).table is None
    True
    """

    table: pl.DataFrame | None
    saved: Mapping[str, Any] | None = None

    @classmethod
    def from_any(cls, value: Any) -> Self:
        """A polars, pandas or pyarrow table, or the record of one. Raises DataError for anything else."""
        if isinstance(value, cls):
            return value
        if isinstance(value, Mapping) and set(value) == RECORD:
            return cls(None, dict(value))
        return cls(to_polars(value))

    @cached_property
    def record(self) -> Mapping[str, Any]:
        """What a written config keeps of the table: the hash of its content, its rows and its columns."""
        if self.table is None:
            return self.saved or {}
        return {"fingerprint": hash_table(self.table), "rows": self.table.height, "columns": self.table.columns}

    def require_table(self) -> pl.DataFrame:
        """The table. Raises ConfigError where only its record is known."""
        if self.table is None:
            raise ConfigError(
                f"this run was trained on a frame in memory ({self.record['rows']:,} rows with the columns "
                f"{', '.join(self.record['columns'])}); pass the frame again: reccl.Dataset.from_frame(...)"
            )
        return self.table


def to_polars(value: Any, choose: Callable[[list[str]], list[str]] | None = None) -> pl.DataFrame:
    """A polars, pandas or pyarrow table as polars; Arrow's memory is shared where that is possible.

    `choose` picks columns by name, so that others need not be readable. Raises DataError for anything else, and where a
    column mixes types.
    """
    pandas, pyarrow = (sys.modules.get(name) for name in ("pandas", "pyarrow"))  # not loaded: not its table
    is_pandas = pandas is not None and isinstance(value, pandas.DataFrame)
    is_pyarrow = pyarrow is not None and isinstance(value, pyarrow.Table)
    if not (is_pandas or is_pyarrow or isinstance(value, pl.DataFrame | pl.LazyFrame)):
        raise DataError(f"needs a polars, pandas or pyarrow table, or a file's path, not {type(value).__name__}")
    try:
        if choose is not None:
            lazy = isinstance(value, pl.LazyFrame)
            names = value.collect_schema().names() if lazy else value.column_names if is_pyarrow else value.columns
            chosen = choose(list(names))
            value = value[chosen] if is_pandas else value.select(chosen)
        if isinstance(value, pl.LazyFrame):
            return value.collect(engine="streaming")
        return pl.DataFrame(pl.from_pandas(value) if is_pandas else value)
    except DataError:
        raise
    except Exception as error:  # pyarrow's and polars' own, of many kinds
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"the table cannot be read: {reason}") from None


def _read(value: Any) -> Any:
    if value is None or isinstance(value, str | Path):
        return value
    try:
        return Frame.from_any(value)
    except DataError as error:
        raise ValueError(str(error)) from None


def _dump(value: Frame | Path | None) -> Any:
    return value.record if isinstance(value, Frame) else None if value is None else str(value)


TableSource = Annotated[Frame | Path | None, BeforeValidator(_read), PlainSerializer(_dump)]
"""A table in memory, the path of a file or folder, or nothing."""
