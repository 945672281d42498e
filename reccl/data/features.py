"""Features: a table of what is known of users or items, as tensors. Fitted on training rows only."""

from dataclasses import dataclass, field
from typing import Self

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.data.dataset import Dataset
from reccl.errors import DataError, did_you_mean, listed

MOSTLY_UNIQUE = 0.5
"""Text with more distinct values than this share of the rows names things (titles) instead of grouping them."""


@dataclass(frozen=True)
class Features:
    """n nodes' features. Category 0 means unknown, missing, or not seen among the trained nodes."""

    categories: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n], number of codes)
    lists: dict[str, tuple[Tensor, int]] = field(default_factory=dict)  # name -> (codes [n, longest], 0 pads)
    numbers: Tensor | None = None  # [n, F] standardised; 0 where missing


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables of both sides, and which rows are trained on (the only ones that vocabularies come from)."""

    user_table: pl.DataFrame | None  # [U]
    item_table: pl.DataFrame | None  # [I]
    trained_users: pl.Series  # [U] bool
    trained_items: pl.Series  # [I] bool

    @classmethod
    def of(cls, data: Dataset) -> Self:
        """The tables of a data set."""
        users = trained_rows(data.train[USER], len(data.users))
        items = trained_rows(data.train[ITEM], len(data.items))
        return cls(data.user_table, data.item_table, users, items)

    def users(self, columns: tuple[str, ...] | None = None) -> Features:
        """Encoded columns of the user table; None takes all usable ones."""
        return encode(self.user_table, self.trained_users, columns)

    def items(self, columns: tuple[str, ...] | None = None) -> Features:
        """Encoded columns of the item table; None takes all usable ones."""
        return encode(self.item_table, self.trained_items, columns)


def encode(table: pl.DataFrame | None, trained: pl.Series, columns: tuple[str, ...] | None = None) -> Features:
    """Encode columns of a feature table ([n] rows in row-number order).

    Text and booleans become categories, lists become bags of categories, numbers are standardised. Vocabularies, means
    and deviations come from the rows that are `trained` ([n] bool). `columns` None takes every column except text that
    is mostly unique (titles), again among the trained rows. Raises DataError for a column that the table does not have.
    """
    if table is None:
        if columns:
            raise DataError(f"features {listed(columns)} asked for, and the data has no such table")
        return Features()
    for name in columns or ():
        if name not in table.columns:
            raise DataError(
                f"no feature {name!r}{did_you_mean(name, table.columns)}; there are {listed(table.columns)}"
            )
    chosen = table.select(columns if columns is not None else usable(table.filter(trained)))
    categories, lists, numbers = {}, {}, []
    for column in chosen:
        if isinstance(column.dtype, pl.List):
            lists[column.name] = listed_codes(column.cast(pl.List(pl.String)), trained)
        elif column.dtype.is_numeric() or column.dtype.is_temporal():
            numbers.append(standardised(column.to_physical().cast(pl.Float64), trained))
        else:
            categories[column.name] = codes_of(column.cast(pl.String), trained)
    return Features(categories, lists, torch.stack(numbers, 1) if numbers else None)


def usable(table: pl.DataFrame) -> list[str]:
    """Columns that say something of more than one row."""
    return [
        column.name
        for column in table
        if column.n_unique() > 1
        and not (column.dtype == pl.String and column.n_unique() > MOSTLY_UNIQUE * max(1, len(column)))
    ]


def codes_of(column: pl.Series, trained: pl.Series) -> tuple[Tensor, int]:
    """Category codes [n] from the sorted vocabulary of the trained rows, starting at 1."""
    words = column.filter(trained).drop_nulls().unique().sort()
    codes = column.replace_strict(words, pl.int_range(1, len(words) + 1, eager=True), default=0, return_dtype=pl.Int64)
    return torch.from_numpy(codes.to_numpy(writable=True)), len(words) + 1


def listed_codes(column: pl.Series, trained: pl.Series) -> tuple[Tensor, int]:
    """Category codes [n, longest] of list columns, padded with 0."""
    rows = pl.DataFrame({"row": pl.int_range(len(column), eager=True), "word": column, "trained": trained})
    long = rows.explode("word", empty_as_null=True).drop_nulls("word")
    codes, size = codes_of(long["word"], long["trained"])
    place = long.select(pl.int_range(pl.len()).over("row")).to_series()
    padded = torch.zeros(len(column), int(place.max() or 0) + 1, dtype=torch.long)  # type: ignore[arg-type]
    padded[torch.from_numpy(long["row"].to_numpy(writable=True)), torch.from_numpy(place.to_numpy(writable=True))] = (
        codes
    )
    return padded, size


def standardised(column: pl.Series, trained: pl.Series) -> Tensor:
    """(x - mean) / deviation of the trained rows, [n]; 0 where missing."""
    column = pl.select(pl.when(column.is_finite()).then(column)).to_series()  # nan and infinite are missing
    known = column.filter(trained).drop_nulls()
    mean, deviation = (float(known.mean() or 0), float(known.std() or 0)) if len(known) else (0.0, 0.0)  # type: ignore[arg-type]
    return torch.from_numpy(
        ((column - mean) / (deviation or 1.0)).fill_null(0).cast(pl.Float32).to_numpy(writable=True)
    )


def trained_rows(rows: pl.Series, size: int) -> pl.Series:
    """[size] True at each row number that occurs in `rows`."""
    return pl.int_range(size, eager=True).is_in(rows.unique().cast(pl.Int64).implode())
