"""Tables: the feature tables of a data set's users and items, read by what its training nodes teach."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Literal

import polars as pl

from reccl.data.features.fitted import EncodedFeatures, FittedFeatures
from reccl.data.features.infer import Schema, find_usable, infer_kind, note_bounded, note_inferred, require_columns
from reccl.data.features.nested import read_column
from reccl.data.features.schema import FeatureSchema
from reccl.errors import DataError, join_names
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

Side = Literal["users", "items"]


@dataclass(frozen=True)
class FeatureTables:
    """The feature tables of both sides, and which nodes have training rows (the only ones that are learned from)."""

    user_table: pl.DataFrame | None  # [U]
    item_table: pl.DataFrame | None  # [I]
    trained_users: pl.Series  # [U] bool
    trained_items: pl.Series  # [I] bool
    schema: FeatureSchema = field(default_factory=FeatureSchema)

    def encode_users(self, columns: tuple[str, ...] | None = None) -> EncodedFeatures:
        """Encoded columns of the user table; None takes all but mostly unique text."""
        return encode(self.user_table, self.trained_users, columns, self.schema.users)

    def encode_items(self, columns: tuple[str, ...] | None = None) -> EncodedFeatures:
        """Encoded columns of the item table; None takes all but mostly unique text."""
        return encode(self.item_table, self.trained_items, columns, self.schema.items)

    def fit(self, side: Side) -> FittedFeatures:
        """All features of one side, by the schema or inferred; fitted once."""
        if side not in self._fitted:
            self._fitted[side] = FittedFeatures.fit(*self.select_side(side))
        return self._fitted[side]

    @cached_property
    def _fitted(self) -> dict[Side, FittedFeatures]:
        return {}

    def transform(self, side: Side, fitted: FittedFeatures | None = None) -> Tensor:
        """All nodes of one side, [n, F]; by `fitted` where it is given."""
        table, trained, _ = self.select_side(side)
        return torch.zeros(len(trained), 0) if table is None else (fitted or self.fit(side)).transform(table)

    def notes(self) -> list[str]:
        """Lines about what was inferred of columns that the schema does not name."""
        sides: tuple[Side, ...] = ("users", "items")
        return [
            f"data.features.{side}: {note}"
            for side in sides
            for table, trained, schema in [self.select_side(side)]
            if table is not None
            for note in (*note_inferred(table, trained, schema), *note_bounded(table, trained, schema))
        ]

    def select_side(self, side: Side) -> tuple[pl.DataFrame | None, pl.Series, Schema]:
        """Table, trained rows and schema."""
        if side == "users":
            return self.user_table, self.trained_users, self.schema.users
        return self.item_table, self.trained_items, self.schema.items


def encode(
    table: pl.DataFrame | None,
    trained: pl.Series,
    columns: tuple[str, ...] | None = None,
    schema: Schema | None = None,
) -> EncodedFeatures:
    """Encode columns of a feature table ([n] rows in row-number order).

    Without a kind in the schema text and booleans become categories, lists become bags of categories, numbers are
    standardized. Vocabularies, means and deviations come from the rows that are `trained` ([n] bool). `columns` None
    takes every column except text that is mostly unique (titles), again among the trained rows, and those that the
    schema leaves out, and the fields of nested columns that it names. Raises DataError for a column that the table does
    not have.
    """
    schema = schema or {}
    if table is None:
        if columns:
            raise DataError(f"features {join_names(columns)} asked for, and the data has no such table")
        return EncodedFeatures()
    require_columns(columns or (), table)
    left_out = [name for name, kind in schema.items() if kind is None]
    usable = find_usable(table.filter(trained).drop(left_out, strict=False)) if columns is None else columns
    fields = [name for name, kind in schema.items() if kind and name not in table.columns and columns is None]
    chosen = (*usable, *fields)  # fields of nested columns, which the schema names
    kinds = {name: schema.get(name) or infer_kind(read_column(table, name).filter(trained)) for name in chosen}
    return FittedFeatures.fit_kinds(table, trained, kinds).encode(table)
