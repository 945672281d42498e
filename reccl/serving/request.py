"""Request: the table that a client sends, read in the types of the model's ids."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.data.ids import IdMap
from reccl.errors import DataError, did_you_mean, join_names, shorten

if TYPE_CHECKING:
    import pandas as pd

HISTORY, EXCLUDE, CANDIDATES, FEATURES = "history", "exclude", "candidates", "features"
COLUMNS = (USER, HISTORY, EXCLUDE, CANDIDATES, FEATURES)
"""Of a request: an id, three lists of ids of items, and an object of features."""


@dataclass(frozen=True)
class Request:
    """Whom lists are asked for, and what is known of them since training."""

    users: pl.Series  # [n] in the model's type, each once, in the order of the table
    pairs: Mapping[str, pl.DataFrame]  # history, exclude, candidates, as far as they are there: user, item
    choosers: pl.Series  # users who have a list of candidates, be it an empty one
    features: pl.DataFrame | None  # user, and a column a feature, of those who have any


def read_request(table: "pd.DataFrame", users: IdMap, items: IdMap) -> Request:
    """A table with the columns of COLUMNS, all but `user` optional. Raises DataError for what cannot be meant."""
    if USER not in table.columns:
        raise DataError(f"the request has no column {USER!r}; its columns may be: {join_names(COLUMNS)}")
    for name in (name for name in table.columns if name not in COLUMNS):
        near = did_you_mean(str(name), COLUMNS)
        raise DataError(f"a request has no column {name!r}{near or f'; there are: {join_names(COLUMNS)}'}")
    ids = read_ids(USER, table[USER].to_list(), users)
    if ids.null_count():
        raise DataError(f"row {ids.is_null().arg_max() + 1} of the request has no {USER} id")  # type: ignore[operator]
    lists = {name: [to_plain(each) for each in table[name]] for name in COLUMNS[1:] if name in table.columns}
    objects = lists.pop(FEATURES, None)
    has_candidates = [each is not None for each in lists.get(CANDIDATES, ())]
    return Request(
        users=ids.unique(maintain_order=True),
        pairs={name: read_pairs(name, ids, column, items) for name, column in lists.items()},
        choosers=ids.filter(pl.Series(has_candidates, dtype=pl.Boolean)).unique() if has_candidates else ids.clear(),
        features=None if objects is None else read_features(ids, objects),
    )


def read_ids(side: str, raw: list[Any], known: IdMap) -> pl.Series:
    """Ids in the model's type; missing ones stay missing. Raises DataError for one that is no such id."""
    values = [to_plain(value) for value in raw]
    for value in values:
        if isinstance(value, bool) or not isinstance(value, str | int | float | None):
            raise DataError(f"{side} id {shorten(value)}: an id is text or a number")
    if any(isinstance(value, str) for value in values):
        values = [None if value is None else str(value) for value in values]
    try:
        typed = known.cast(pl.Series(side, values, strict=False))
    except UnicodeEncodeError:
        raise DataError(f"{side} ids hold half of a character, which is no text") from None
    for value, meant in zip(values, typed, strict=True):
        if meant is None and value is not None:
            raise DataError(f"{side} id {shorten(value)} is not {known.ids.dtype}, as this model's {side} ids are")
    return typed


def read_pairs(name: str, users: pl.Series, lists: list[Any], items: IdMap) -> pl.DataFrame:
    """A list of ids of items for each of n users, as pairs of user and item; a missing list is none.

    Items that are not known are left out, as they are of no use and no harm: a shop has them before the model does.
    """
    for user, each in zip(users, lists, strict=True):
        if each is not None and not isinstance(each, list):
            raise DataError(f"{name} of user {shorten(user)} is {shorten(each)}: give a list of ids of items")
    rows = [place for place, each in enumerate(lists) for _ in each or ()]
    ids = read_ids(ITEM, [item for each in lists for item in each or ()], items)
    pairs = pl.DataFrame({USER: users.gather(rows), ITEM: ids})
    return pairs.filter(items.to_rows(ids).is_not_null()).unique(maintain_order=True)


def read_features(users: pl.Series, objects: list[Any]) -> pl.DataFrame | None:
    """An object of features for each of n users, as a table of those who have one; None where nobody has."""
    for user, each in zip(users, objects, strict=True):
        if each is not None and not isinstance(each, dict):
            raise DataError(f'{FEATURES} of user {shorten(user)} is {shorten(each)}: give an object, {{"age": 30}}')
    rows = [place for place, each in enumerate(objects) if each]
    names = dict.fromkeys(name for place in rows for name in objects[place])
    table = read_table(FEATURES, {name: [objects[place].get(name) for place in rows] for name in names})
    return table.drop(USER, strict=False).insert_column(0, users.gather(rows).alias(USER)) if rows else None


def read_table(what: str, columns: Mapping[str, list[Any]]) -> pl.DataFrame:
    """A table from lists of values. Raises DataError where they are none."""
    try:
        return pl.DataFrame(dict(columns), strict=False)
    except (pl.exceptions.PolarsError, TypeError, ValueError, OverflowError) as error:
        raise DataError(f"{what} cannot be read as a table: {str(error).splitlines()[0]}") from None


def to_plain(value: Any) -> Any:
    """A cell of a table of pandas as JSON would have it: arrays as lists, NumPy's numbers as Python's, or None."""
    if hasattr(value, "tolist"):
        value = value.tolist()
    missing = isinstance(value, float) and value != value
    return None if missing or type(value).__name__ in ("NAType", "NaTType") else value
