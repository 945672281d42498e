"""Newcomers: users, items and interactions that a model was not trained on, checked and in its own types."""

from collections.abc import Callable
from dataclasses import dataclass

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.features import FittedFeatures
from reccl.data.ids import IdMap
from reccl.encoders.tower import Tower
from reccl.errors import DataError, did_you_mean, listed

Note = Callable[[str], None]


@dataclass(frozen=True)
class Described:
    """New nodes of one side, and what is told of them."""

    ids: pl.Series  # [n] distinct, unknown to the model
    features: pl.DataFrame | None  # [n] None where nothing is told that the model can use


def described(side: str, table: pl.DataFrame, ids: IdMap, tower: Tower | None, note: Note) -> Described:
    """Read the table of new users (items): one row an id, and columns of features.

    Nodes that the model knows already keep what they were trained to be: their rows are left out, and said in a note.
    So are feature columns that are missing; they count as missing values. Raises DataError where ids are missing, given
    twice, or not of the model's type, and where a table has columns, but none that the tower reads.
    """
    where = f"the table of new {side}s"
    require(where, table, (side,))
    typed = in_type(where, side, table[side], ids)
    if typed.null_count():
        raise DataError(f"row {typed.is_null().arg_max() + 1} of {where} has no {side} id")  # type: ignore[operator]
    if typed.n_unique() < len(typed):
        twice = typed.filter(typed.is_duplicated())[0]
        raise DataError(f"{where} has {side} {twice!r} twice; give each one row")
    new = ids.to_rows(typed).is_null()
    if known := len(new) - int(new.sum()):
        note(f"{known:,} of {len(new):,} new {side}s are known to the model and stay as they were trained")
    features, names = table.filter(new).drop(side), typed.filter(new)
    if not features.width or not len(names):
        return Described(names, None)
    if tower is None:
        note(f"features of new {side}s are not used: this run was trained without a content tower for {side}s")
        return Described(names, None)
    wanted = names_of(tower)
    for name in (name for name in wanted if name not in features.columns):
        spare = [column for column in features.columns if column not in wanted]
        note(f"{where} has no column {name!r}; it counts as missing{did_you_mean(name, spare)}")
    return Described(names, features)


def names_of(tower: Tower) -> list[str]:
    """Columns that a tower reads."""
    assert isinstance(tower.features, FittedFeatures)
    return [feature.name for feature in tower.features.features]


def interactions(table: pl.DataFrame, users: IdMap, items: IdMap, note: Note) -> pl.DataFrame:
    """Distinct (user: raw id in the model's type, item: row number of `items`) of a table of new interactions.

    Rows with an item that is not known, or without an id, are left out and counted in a note.
    """
    where = "the history"
    require(where, table, (USER, ITEM))
    user = in_type(where, USER, table[USER], users)
    item = items.to_rows(in_type(where, ITEM, table[ITEM], items))
    rows = pl.DataFrame({USER: user, ITEM: item})
    if nameless := rows.filter(pl.col(USER).is_null() | table[ITEM].is_null()).height:
        note(f"{nameless:,} of {rows.height:,} rows of the history have no user or no item id: left out")
    if strange := rows.filter(pl.col(USER).is_not_null() & pl.col(ITEM).is_null() & table[ITEM].is_not_null()).height:
        note(f"{strange:,} of {rows.height:,} rows of the history name items that are not known: left out")
    return rows.drop_nulls().unique().sort(USER, ITEM)


def require(where: str, table: pl.DataFrame, columns: tuple[str, ...]) -> None:
    """Refuse a table without these columns."""
    for name in columns:
        if name not in table.columns:
            near = did_you_mean(name, table.columns)
            raise DataError(f"{where} has no column {name!r}{near}; the columns there are: {listed(table.columns)}")


def in_type(where: str, side: str, raw: pl.Series, ids: IdMap) -> pl.Series:
    """Raw ids in the model's type. Raises DataError for one that has no meaning in it."""
    typed = ids.cast(raw)
    if typed.null_count() > raw.null_count():
        bad = raw.filter(typed.is_null() & raw.is_not_null())[0]
        raise DataError(f"{side} id {bad!r} in {where} is not {ids.ids.dtype}, as this run's {side} ids are")
    return typed
