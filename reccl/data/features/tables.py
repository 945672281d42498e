"""Tables: what is known of the users and items of a data set, read with what its trained nodes say."""

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal, Self

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.data.features.encoded import Features
from reccl.data.features.fitted import FittedFeatures
from reccl.data.features.infer import Schema, kind_of, require, usable
from reccl.data.features.schema import FeatureSchema
from reccl.errors import DataError, listed

if TYPE_CHECKING:
    from reccl.data.dataset import Dataset

Side = Literal["users", "items"]


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables of both sides, and which rows are trained on (the only ones that are learned from)."""

    user_table: pl.DataFrame | None  # [U]
    item_table: pl.DataFrame | None  # [I]
    trained_users: pl.Series  # [U] bool
    trained_items: pl.Series  # [I] bool
    schema: FeatureSchema = field(default_factory=FeatureSchema)

    @classmethod
    def of(cls, data: "Dataset") -> Self:
        """The tables of a data set."""
        users = trained_rows(data.train[USER], len(data.user_ids))
        items = trained_rows(data.train[ITEM], len(data.item_ids))
        return cls(data.user_table, data.item_table, users, items, data.features)

    def users(self, columns: tuple[str, ...] | None = None) -> Features:
        """Encoded columns of the user table; None takes all but mostly unique text."""
        return encode(self.user_table, self.trained_users, columns, self.schema.users)

    def items(self, columns: tuple[str, ...] | None = None) -> Features:
        """Encoded columns of the item table; None takes all but mostly unique text."""
        return encode(self.item_table, self.trained_items, columns, self.schema.items)

    def fitted(self, side: Side) -> FittedFeatures:
        """All features of one side, with those that the schema adds; fitted once."""
        if side not in self._fitted:
            self._fitted[side] = FittedFeatures.fit(*self.side(side))
        return self._fitted[side]

    @cached_property
    def _fitted(self) -> dict[Side, FittedFeatures]:
        return {}

    def matrix(self, side: Side, fitted: FittedFeatures | None = None) -> Tensor:
        """All nodes of one side, [n, F]; `fitted` where it is at hand already."""
        table, trained, _ = self.side(side)
        return torch.zeros(len(trained), 0) if table is None else (fitted or self.fitted(side)).matrix(table)

    def side(self, side: Side) -> tuple[pl.DataFrame | None, pl.Series, Schema]:
        """Table, trained rows and schema."""
        if side == "users":
            return self.user_table, self.trained_users, self.schema.users
        return self.item_table, self.trained_items, self.schema.items


def encode(
    table: pl.DataFrame | None,
    trained: pl.Series,
    columns: tuple[str, ...] | None = None,
    schema: Schema | None = None,
) -> Features:
    """Encode columns of a feature table ([n] rows in row-number order).

    Without a kind in the schema text and booleans become categories, lists become bags of categories, numbers are
    standardized. Vocabularies, means and deviations come from the rows that are `trained` ([n] bool). `columns` None
    takes every column except text that is mostly unique (titles), again among the trained rows, and those that the
    schema leaves out. Raises DataError for a column that the table does not have.
    """
    schema = schema or {}
    if table is None:
        if columns:
            raise DataError(f"features {listed(columns)} asked for, and the data has no such table")
        return Features()
    require(columns or (), table)
    left_out = [name for name, kind in schema.items() if kind is None]
    chosen = usable(table.filter(trained).drop(left_out, strict=False)) if columns is None else columns
    kinds = {name: schema.get(name) or kind_of(table.schema[name]) for name in chosen}
    return FittedFeatures.of_kinds(table, trained, kinds).encode(table)


def trained_rows(rows: pl.Series, size: int) -> pl.Series:
    """[size] True at each row number that occurs in `rows`."""
    return pl.int_range(size, eager=True).is_in(rows.unique().cast(pl.Int64).implode())
