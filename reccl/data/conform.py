"""Conform: what a pipeline gives, in the types that everything after it relies on."""

import polars as pl

from reccl.data.columns import RATING, TIMESTAMP, WEIGHT
from reccl.data.ingest.conversions import convert, to_numbers
from reccl.data.ingest.time_forms import TimeForm, tell_time_form
from reccl.data.ingest.times import to_epoch_seconds

BEYOND = 100_000_000_000
"""Seconds since 1970 in the year 5138."""


def conform(rows: pl.LazyFrame) -> tuple[pl.LazyFrame, tuple[str, ...]]:
    """Rows with times as whole seconds and ratings and weights as numbers, and what one may want to know of it.

    Raises DataError that names the first value that is none.
    """
    schema, notes = rows.collect_schema(), []
    conversions = [to_numbers(name) for name in (RATING, WEIGHT) if name in schema and not schema[name].is_float()]
    if TIMESTAMP in schema and schema[TIMESTAMP].is_integer():
        latest = rows.select(pl.col(TIMESTAMP).max()).collect().item()
        if latest is not None and latest > BEYOND:
            notes.append(f"timestamp goes up to {latest}: as seconds since 1970, that is beyond the year 5000")
    elif TIMESTAMP in schema:
        told = tell_time_form(rows, TIMESTAMP) if schema[TIMESTAMP] != pl.Null else TimeForm()
        notes += [told.note] if told.note else []
        conversions.append(to_epoch_seconds(TIMESTAMP, told.unit, told.form))
    return convert(rows, *conversions) if conversions else rows, tuple(notes)
