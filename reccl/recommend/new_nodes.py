"""New nodes: users, items and interactions that a model was not trained on, checked and in its own types."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.features import FittedFeatures
from reccl.data.features.nested import has_column
from reccl.data.ids import IdMap, contrast_ids, is_text
from reccl.encoders.tower import Tower
from reccl.errors import DataError, did_you_mean, join_names, shorten

Log = Callable[[str], None]


@dataclass(frozen=True)
class NewNodes:
    """New users or items, and their features."""

    ids: pl.Series  # [n] distinct, unknown to the model
    features: pl.DataFrame | None = None  # [n] None where there are none that the model can use

    def table(self) -> pl.DataFrame:
        """[n] the features; without columns where there are none."""
        return pl.DataFrame(height=len(self.ids)) if self.features is None else self.features


def read_new_nodes(side: str, table: pl.DataFrame | None, ids: IdMap, tower: Tower | None, log: Log) -> NewNodes:
    """Read the table of new users (items): one row an id, and columns of features; none where there is no table.

    Nodes that the model knows already stay as they were trained: their rows are left out, which is logged. So are
    feature columns that are missing; they count as missing values. Raises DataError where ids are missing, given twice,
    or not of the model's type, and where a table has columns, but none that the tower reads.
    """
    if table is None:
        return NewNodes(ids.ids.clear())
    where = f"the table of new {side}s"
    require_columns(where, table, (side,))
    typed = cast_ids(where, side, table[side], ids)
    if typed.null_count():
        raise DataError(f"row {typed.is_null().arg_max() + 1} of {where} has no {side} id")  # type: ignore[operator]
    if typed.n_unique() < len(typed):
        twice = typed.filter(typed.is_duplicated())[0]
        raise DataError(f"{where} has {side} {shorten(twice)} twice; give each one row")
    if is_text(ids.ids) and not is_text(table[side]) and len(typed):
        log(
            f"{side} ids in {where} are {table[side].dtype}, and those of the model text: "
            f"taken as {shorten(typed[0])} ..."
        )
    new = ids.to_rows(typed).is_null()
    if known := len(new) - int(new.sum()):
        log(f"{known:,} of {len(new):,} new {side}s are known to the model and stay as they were trained")
    features, names = table.filter(new).drop(side), typed.filter(new)
    if tower is None or not features.width or not len(names):
        return NewNodes(names)
    wanted = feature_names(tower)
    for name in (name for name in wanted if not has_column(features, name)):
        spare = [column for column in features.columns if column not in wanted]
        log(f"{where} has no column {name!r}; it counts as missing{did_you_mean(name, spare)}")
    return NewNodes(names, features)


def feature_names(tower: Tower) -> list[str]:
    """Columns that a tower reads."""
    assert isinstance(tower.features, FittedFeatures)
    return [feature.name for feature in tower.features.features]


def read_history(table: pl.DataFrame, users: IdMap, items: IdMap, log: Log) -> pl.DataFrame:
    """Distinct (user: raw id in the model's type, item: row number of `items`) of a table of new interactions.

    Rows with an unknown item, or without an id, are left out; their number is logged.
    """
    where = "the history"
    require_columns(where, table, (USER, ITEM))
    user = cast_ids(where, USER, table[USER], users)
    item = items.to_rows(cast_ids(where, ITEM, table[ITEM], items))
    if table.height and item.null_count() == table.height:
        raise DataError(f"no item of the history is known: {contrast_ids(table[ITEM], items)}")
    if is_text(users.ids):  # numbers in place of text have lost their leading zeros; text of digits is a number
        users.require_match(table[USER].drop_nulls(), "no user of the history is known")
    rows = pl.DataFrame({USER: user, ITEM: item})
    if nameless := rows.filter(pl.col(USER).is_null() | table[ITEM].is_null()).height:
        log(f"{nameless:,} of {rows.height:,} rows of the history have no user or no item id: left out")
    if unknown := rows.filter(pl.col(USER).is_not_null() & pl.col(ITEM).is_null() & table[ITEM].is_not_null()).height:
        log(f"{unknown:,} of {rows.height:,} rows of the history name items that are not known: left out")
    return rows.drop_nulls().unique().sort(USER, ITEM)


def require_columns(where: str, table: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table without these columns."""
    for name in columns:
        if name not in table.columns:
            near = did_you_mean(name, table.columns)
            raise DataError(f"{where} has no column {name!r}{near}; the columns there are: {join_names(table.columns)}")


def cast_ids(where: str, side: str, raw: pl.Series, ids: IdMap) -> pl.Series:
    """Raw ids in the model's type. Raises DataError for one that has no meaning in it."""
    typed = ids.cast(raw)
    if typed.null_count() > raw.null_count():
        bad = raw.filter(typed.is_null() & raw.is_not_null())[0]
        raise DataError(f"{side} id {shorten(bad)} in {where} is not {ids.ids.dtype}, as this run's {side} ids are")
    return typed
