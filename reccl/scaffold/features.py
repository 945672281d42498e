"""Features: a table about users or items, which of its columns is the id, and what kind of feature the others are."""

from dataclasses import dataclass
from pathlib import Path

import polars as pl

from reccl.data.features.separated import separator_in
from reccl.errors import DataError, join_names
from reccl.scaffold.column import Column, profile
from reccl.scaffold.table_file import TableFile, open_table
from reccl.scaffold.words import identifies, words_in

GROUPING = 0.5
"""Text with more distinct values than this share of its rows names things instead of grouping them."""
LONG_TAIL = 10
"""Greatest value over median from which on numbers have a long tail."""


@dataclass(frozen=True)
class Feature:
    """A column of a feature table."""

    column: str
    kind: str | None  # as YAML; None: left out
    why: str


@dataclass(frozen=True)
class Features:
    """A table about users or items."""

    table: TableFile
    id_column: str
    why: str
    found: tuple[Feature, ...]


def open_features(path: Path, ids: pl.Series, named: str) -> Features:
    """Find the id column by the ids that it shares with the interactions, and a kind for the others.

    Args:
        path: the table about users or items.
        ids: some of the ids in the interactions.
        named: the name of their column there.

    Raises DataError where no column holds these ids.

    """
    table = open_table(path)
    sample = table.sample()
    columns = profile(sample)
    wanted = ids.cast(pl.String).drop_nulls().unique()
    shares = {
        column.name: wanted.is_in(sample[column.name].cast(pl.String).unique().implode()).mean()
        for column in columns
        if column.kind in ("text", "whole")
    }
    best = max(shares, key=lambda name: (shares[name], name == named), default="")
    share = float(shares.get(best) or 0)  # type: ignore[arg-type]
    if not share:
        few = ", ".join(wanted.head(3).to_list())
        raise DataError(
            f"no column of {path} holds ids of {named} such as {few}; its columns are {join_names(sample.columns)}; "
            "ids must be written alike in both files"
        )
    why = f"holds {share:.0%} of the ids of {named}"
    others = (column for column in columns if column.name != best)
    return Features(table, best, why, tuple(feature_of(column, sample[column.name]) for column in others))


def feature_of(column: Column, values: pl.Series) -> Feature:
    """The kind of a column, and why."""
    kind, why = kind_of(column, values)
    return Feature(column.name, kind, why)


def kind_of(column: Column, values: pl.Series) -> tuple[str | None, str]:
    """The kind of a column as YAML, and why; None where it says nothing that a model can use."""
    known = column.rows - column.missing
    if column.kind == "list":
        vector = values.dtype.inner.is_float()  # type: ignore[attr-defined]
        return ("{kind: vector}", "a list of numbers") if vector else ("{kind: multi_hot}", "a list of words")
    if column.kind == "other" or column.distinct < 2:
        return None, "left out: one value only" if column.kind != "other" else "left out: nested"
    if column.kind == "boolean":
        return "{kind: categorical}", "true or false"
    if column.times and not (column.kind == "whole" and identifies(words_in(column.name))):
        return ("{kind: date}", "dates") if column.times.unit is None else ("{kind: numeric}", "moments as numbers")
    if column.kind in ("whole", "number"):
        return number(column)
    separator = separator_in(values)
    if separator:
        spelled = "{kind: multi_hot}" if separator == "|" else f'{{kind: multi_hot, separator: "{separator}"}}'
        return spelled, f"words separated by {separator!r}"
    if column.distinct <= GROUPING * known:
        return "{kind: categorical}", f"{column.distinct:,} distinct"
    if (values.str.contains(r"\S\s+\S").mean() or 0) > GROUPING:  # type: ignore[operator]
        return "{kind: text}", "mostly unique text"
    return None, "left out: mostly unique"


def number(column: Column) -> tuple[str | None, str]:
    """The kind of a column of numbers."""
    if column.kind == "whole" and identifies(words_in(column.name)):
        if column.distinct > GROUPING * (column.rows - column.missing):
            return None, "left out: mostly unique"
        return "{kind: categorical}", f"{column.distinct:,} distinct codes"
    assert column.lowest is not None
    assert column.highest is not None
    span = f"{column.lowest:g} to {column.highest:g}"
    if column.lowest >= 0 and column.median and column.highest > LONG_TAIL * column.median:
        return "{kind: numeric, scaling: quantile}", f"{span}, a long tail"
    return "{kind: numeric}", span
