"""Column: what a column of a stranger's table looks like."""

from dataclasses import dataclass
from typing import Literal

import polars as pl

from reccl.data.ingest.conversions import WHOLE
from reccl.scaffold.times import Times, times_of

Kind = Literal["text", "whole", "number", "time", "boolean", "list", "other"]
FEW = 12
"""Most values of a column of text whose values are all kept."""
BOOLEANS = ("true", "false", "yes", "no")


@dataclass(frozen=True)
class Column:
    """A column and what its rows say of it."""

    name: str
    kind: Kind
    rows: int
    missing: int
    distinct: int
    examples: tuple[str, ...]
    lowest: float | None = None  # of numbers
    highest: float | None = None
    median: float | None = None
    values: tuple[str, ...] = ()  # all of them, the most frequent first, where they are text and few
    leading_zeros: bool = False  # ids such as 007, which a number could not give back
    times: Times | None = None

    @property
    def unique(self) -> bool:
        """Whether every row has a value of its own."""
        return self.distinct >= self.rows - self.missing


def profile(frame: pl.DataFrame) -> tuple[Column, ...]:
    """Every column of a table. Text that reads as numbers throughout counts as numbers."""
    return tuple(column_of(values) for values in frame)


def column_of(values: pl.Series) -> Column:
    """One column."""
    if values.dtype == pl.String:
        values = values.str.strip_chars()
        values = values.set(values == "", None)
    elif values.dtype.is_float():
        values = values.fill_nan(None)
    known = values.drop_nulls()
    kind, read = read_as(known)
    nested = kind in ("list", "other")
    numeric = kind in ("whole", "number") and len(known) > 0
    return Column(
        name=values.name,
        kind=kind,
        rows=len(values),
        missing=values.null_count(),
        distinct=0 if nested else known.n_unique(),
        examples=tuple(show_values(value) for value in (known.head(3) if nested else first_distinct(known))),
        values=all_values(known) if kind == "text" else (),
        lowest=float(read.min()) if numeric else None,  # type: ignore[arg-type]
        highest=float(read.max()) if numeric else None,  # type: ignore[arg-type]
        median=float(read.median()) if numeric else None,  # type: ignore[arg-type]
        leading_zeros=kind == "text" and known.dtype == pl.String and bool(known.str.contains(r"^0\d+$").any()),
        times=times_of(read) if numeric or kind in ("text", "time") else None,
    )


def read_as(values: pl.Series) -> tuple[Kind, pl.Series]:
    """The kind of a column, and its values as that."""
    dtype = values.dtype
    if isinstance(dtype, pl.List | pl.Array):
        return "list", values
    if dtype == pl.Boolean:
        return "boolean", values
    if dtype == pl.Date or isinstance(dtype, pl.Datetime):
        return "time", values
    if dtype.is_integer():
        return "whole", values
    if dtype.is_float() or dtype.is_decimal():
        read = values.cast(pl.Float64)
        return ("whole" if len(read) and (read == read.round()).all() else "number"), read
    if isinstance(dtype, pl.Categorical | pl.Enum):
        values = values.cast(pl.String)
    if values.dtype != pl.String:
        return "other", values
    return of_text(values)


def of_text(values: pl.Series) -> tuple[Kind, pl.Series]:
    """What text reads as."""
    if values.is_empty():
        return "text", values
    if values.str.contains(WHOLE).all():
        return "whole", values.cast(pl.Int64)
    if values.str.to_lowercase().is_in(BOOLEANS).all():
        return "boolean", values
    numbers = values.cast(pl.Float64, strict=False)
    if numbers.null_count() or values.str.contains(r"^0\d+$").any():
        return "text", values
    return "number", numbers


def all_values(known: pl.Series) -> tuple[str, ...]:
    """All values of a column, the most frequent first; none where they are more than a few."""
    counts = (
        known.cast(pl.String).alias("value").value_counts(name="rows").sort("rows", "value", descending=[True, False])
    )
    return tuple(counts["value"].to_list()) if counts.height <= FEW else ()


def first_distinct(values: pl.Series, number: int = 3) -> list[object]:
    """A few values, each once, in the order of the rows."""
    return values.head(1000).unique(maintain_order=True).head(number).to_list()


def show_values(value: object, longest: int = 24) -> str:
    """A value as a short text.

    >>> show_values("a long name that never seems to end")
    'a long name that never …'
    """
    text = " ".join(str(value).split())
    return text if len(text) <= longest else f"{text[: longest - 1].rstrip()} …"
