"""Item columns: what the table of items says, beside the items of a list."""

from collections.abc import Sequence

import polars as pl

from reccl.data.columns import ITEM
from reccl.data.ids import IdMap
from reccl.errors import DataError, did_you_mean, join_names


def add_item_columns(
    lists: pl.DataFrame,
    table: pl.DataFrame | None,
    ids: IdMap,
    columns: Sequence[str],
    new_items: pl.DataFrame | None = None,
    on: str = ITEM,
) -> pl.DataFrame:
    """A table with columns of the item table beside the items of its column `on`; see `choose_item_columns`."""
    return join_items(lists, choose_item_columns(table, ids, columns, new_items), on)


def choose_item_columns(
    table: pl.DataFrame | None, ids: IdMap, columns: Sequence[str], new_items: pl.DataFrame | None = None
) -> pl.DataFrame:
    """The column `item` and those that are asked for, a row an item. Raises DataError where there is no such column.

    Args:
        table: the columns of the trained items, in the order of `ids`.
        ids: the trained items.
        columns: which to take.
        new_items: items that came later, whose columns come from this table of their own.

    """
    if table is None:
        raise DataError(f"no column {join_names(columns)}: this model was trained without a table of items")
    for column in columns:
        if column not in table.columns:
            near = did_you_mean(column, table.columns) or f"; there are: {join_names(table.columns)}"
            raise DataError(f"the items have no column {column!r}{near}")
    chosen = table.select(ids.ids.alias(ITEM), *columns)
    if new_items is not None:
        own = new_items.select(ITEM, *(name for name in columns if name in new_items.columns))
        own = own.with_columns(ids.cast(own[ITEM])).unique(ITEM, keep="first")
        added = own.join(chosen, on=ITEM, how="anti").cast({name: chosen.schema[name] for name in own.columns})
        chosen = pl.concat([chosen, added], how="diagonal")
    return chosen


def join_items(lists: pl.DataFrame, chosen: pl.DataFrame, on: str = ITEM) -> pl.DataFrame:
    """A table with `chosen` columns beside the items of its column `on`, in its own order."""
    return lists.join(chosen, left_on=on, right_on=ITEM, how="left", maintain_order="left")


def describe_items(
    table: pl.DataFrame | None, ids: IdMap, extended: IdMap, new_items: pl.DataFrame | None
) -> pl.DataFrame | None:
    """All columns of the items of an extended model, in the order of its ids; None without a table of items."""
    if table is None:
        return None
    columns = [name for name in table.columns if name != ITEM]
    return add_item_columns(extended.ids.alias(ITEM).to_frame(), table, ids, columns, new_items)
