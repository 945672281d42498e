"""Id tables: files and tables of a user's own, whose ids are read in the type of the model's ids."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import polars as pl
import torch
from torch import Tensor

from reccl.data.columns import ITEM, USER
from reccl.data.ids import IdMap, contrast_ids
from reccl.data.ingest.files import TEXT, read_table, scan
from reccl.data.ingest.frames import to_polars
from reccl.data.ingest.table_files import find_table_files
from reccl.errors import DataError, join_names, shorten
from reccl.recommend.new_nodes import Log

Names = Mapping[str, str]
"""How the columns `user` and `item` are called in the data that a model was trained on, such as customer and sku."""
LINES = (".txt", "")
"""Endings of files that hold one id a line."""


def read_id_table(path: Path | None, *names: Names) -> pl.DataFrame | None:
    """A file or folder with columns `user` or `item`, by this name or by one in `names`; None where no path is given.

    Ids are read as they are written: `007` of a CSV file stays text.
    """
    if path is None:
        return None
    ids = (USER, ITEM, *(name for each in names for name in each.values()))
    return rename_ids(read_table(find_table_files(path), ids=ids), *names)


def rename_ids(table: pl.DataFrame, *names: Names) -> pl.DataFrame:
    """The table with the columns of ids under reccl's own names; of several `names` the first that are there count.

    >>> rename_ids(pl.DataFrame({"sku": [1], "price": [2]}), {"item": "sku"}).columns
    ['item', 'price']
    """
    for each in names:
        known = {name: side for side, name in each.items() if side not in table.columns and name in table.columns}
        table = table.rename(known)
    return table


def read_user_ids(path: Path, names: Names, known: IdMap, log: Log) -> pl.Series:
    """The ids of a file of users: its column of users, its only column, or one id a line of a .txt file.

    Raises DataError where none of the ids is `known`.
    """
    header = (USER, names.get(USER, USER))
    if path.suffix.lower() in LINES:
        ids = read_lines(path)
        ids = ids.slice(1) if len(ids) and ids[0] in header else ids
    else:
        found = find_table_files(path)
        columns = scan(found).collect_schema().names()
        column = next((name for name in header if name in columns), columns[0] if len(columns) == 1 else None)
        if column is None:
            raise DataError(f"{path} has no column {USER!r}; there are: {join_names(columns)}")
        ids = read_table(found, ids=(column,))[column]
        first = pl.Series([column])
        if column not in header and found.kind in TEXT and known.to_rows(first).null_count() == 0:
            log(f"{path}: the first line, {column!r}, is a user's id, not a header")
            ids = pl.concat([first, ids.cast(pl.String)])
    typed = type_user_ids(ids, known)
    if len(typed) and known.to_rows(typed).null_count() == len(typed):
        raise DataError(f"none of the {typed.n_unique():,} users of {path} is known: {contrast_ids(ids, known)}")
    return typed


def read_lines(path: Path) -> pl.Series:
    """The lines of a text file without space around them and without empty ones."""
    try:
        lines = [line.strip() for line in path.read_text(encoding="utf-8-sig").splitlines()]
    except (OSError, UnicodeDecodeError) as error:
        raise DataError(f"cannot read {path}: {error}; write one id a line, or a table with a column 'user'") from None
    return pl.Series([line for line in lines if line], dtype=pl.String)


def type_user_ids(users: Any, known: IdMap, names: Names | None = None) -> pl.Series:
    """User ids in the model's type, without missing ones, from a list, a series, or a table with a column of users.

    Raises DataError for what is no list of ids, for one that cannot be such an id, and where ids of another type
    match nobody.
    """
    raw = to_series(users, names or {}).alias(USER)
    raw = (raw.fill_nan(None) if raw.dtype.is_float() else raw).drop_nulls()
    typed = known.cast(raw)
    if typed.null_count():
        bad = raw.filter(typed.is_null())[0]
        raise DataError(f"user id {shorten(bad)} is not {known.ids.dtype}, as this model's user ids are")
    known.require_match(raw, "none of the users asked for is known")
    return typed.alias(USER)


def require_rows(wanted: Any, known: IdMap, names: Names, side: str) -> Tensor:
    """The rows of ids of users or items (`side`), [n], in their order. Raises DataError where one is not known."""
    raw = to_series(wanted, names, side)
    rows = known.to_rows(raw)
    if rows.null_count():
        bad = raw.filter(rows.is_null())[0]
        raise DataError(
            f"{side} {shorten(bad)} is not known to this model; its {side} ids are such as {known.ids[0]!r}"
        )
    return torch.from_numpy(rows.to_numpy(writable=True)).long()


def to_series(ids: Any, names: Names, side: str = USER) -> pl.Series:
    """A column of raw ids of users or items (`side`)."""
    if isinstance(ids, str | bytes | int | float):
        raise DataError(f"{side}s {shorten(ids)}: give a list of ids, {side}s=[{shorten(ids)}]")
    if hasattr(ids, "columns") or isinstance(ids, pl.LazyFrame):
        table = rename_ids(to_polars(ids), names)
        if side not in table.columns and table.width != 1:
            raise DataError(f"the table of {side}s has no column {side!r}; there are: {join_names(table.columns)}")
        return table[side] if side in table.columns else table.to_series()
    try:
        return ids if isinstance(ids, pl.Series) else pl.Series(list(ids))
    except (TypeError, pl.exceptions.PolarsError) as error:
        reason = str(error).splitlines()[0]
        raise DataError(
            f"{side}s cannot be read as ids of one type: {reason}; give a list or a series of ids"
        ) from None


def count_new(history: pl.DataFrame, known: IdMap, extended: IdMap, log: Log) -> None:
    """Say how many users of a history are new: in the extended model, but not in the trained one."""
    everyone = known.cast(history[USER]).drop_nulls().unique()
    everyone = everyone.filter(extended.to_rows(everyone).is_not_null())
    if new := known.to_rows(everyone).null_count():
        log(f"{new:,} of {len(everyone):,} users of the history are new")


def count_unknown(users: pl.Series, known: IdMap, log: Log) -> None:
    """Say how many of the users asked for are unknown, and get what everybody likes."""
    ids = users.unique(maintain_order=True)
    strangers = ids.filter(known.to_rows(ids).is_null())
    if len(strangers):
        log(
            f"{len(strangers):,} of {len(ids):,} users are not known, such as {shorten(strangers[0])}: "
            "they get the most popular items"
        )


def require_positive(k: int) -> int:
    """`k`, where it is at least one. Raises DataError for less."""
    if k < 1:
        raise DataError(f"k {k}: ask for at least one item")
    return k
