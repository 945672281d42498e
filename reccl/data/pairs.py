"""Pairs: (user, item) pairs as one ascending number each, so that no table of hashes holds them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.lazy import np

if TYPE_CHECKING:
    Keys = np.ndarray[Any, np.dtype[np.int64]]


def pair_keys(rows: pl.DataFrame, items: int) -> Keys:
    """[n] user * I + item of rows of row numbers, of so many `items`.

    >>> pair_keys(pl.DataFrame({"user": [0, 1, 1], "item": [2, 0, 2]}), 3).tolist()
    [2, 3, 5]
    """
    keys: Keys = np.multiply(rows[USER].to_numpy(), items, dtype=np.int64)  # [n]
    keys += rows[ITEM].to_numpy()
    return keys


def split_keys(keys: Keys, items: int) -> pl.DataFrame:
    """The users and items [n] of pairs of so many `items`, as row numbers of 32 bits.

    >>> split_keys(np.array([2, 3, 5]), 3).rows()
    [(0, 2), (1, 0), (1, 2)]
    """
    sides = {name: np.empty(len(keys), np.int32) for name in (USER, ITEM)}
    np.floor_divide(keys, max(1, items), out=sides[USER], casting="unsafe")
    np.remainder(keys, max(1, items), out=sides[ITEM], casting="unsafe")
    return pl.DataFrame(sides)


def is_ascending(keys: Keys) -> bool:
    """Whether each key is larger than the one before, so that they are sorted and distinct."""
    return bool((keys[1:] > keys[:-1]).all())


def distinct_keys(keys: Keys) -> Keys:
    """The keys, ascending and each once; writes over them.

    >>> distinct_keys(np.array([4, 2, 4])).tolist()
    [2, 4]
    """
    if is_ascending(keys):
        return keys
    keys.sort()
    return keys[np.diff(keys, prepend=-1) > 0]


def distinct_pairs(rows: pl.DataFrame, items: int) -> pl.DataFrame:
    """Users and items of rows, each pair where it comes first.

    >>> distinct_pairs(pl.DataFrame({"user": [1, 0, 1], "item": [2, 0, 2], "rating": [1, 2, 3]}), 3).rows()
    [(1, 2), (0, 0)]
    """
    pairs, keys = rows.select(USER, ITEM), pair_keys(rows, items)
    if is_ascending(keys):
        return pairs
    order = keys.argsort(kind="stable")  # [n] of equal keys the first comes first
    keys = keys[order]
    repeated = order[1:][keys[1:] == keys[:-1]]
    first = np.ones(len(keys), dtype=bool)
    first[repeated] = False
    return pairs.filter(pl.Series(first))


def drop_pairs(rows: pl.DataFrame, known: pl.DataFrame, items: int) -> pl.DataFrame:
    """The rows whose pairs are not `known`, in their order.

    >>> rows, known = pl.DataFrame({"user": [1, 0], "item": [2, 0]}), pl.DataFrame({"user": [0], "item": [0]})
    >>> drop_pairs(rows, known, 3).rows()
    [(1, 2)]
    """
    if known.is_empty() or rows.is_empty():
        return rows
    keys, there = pair_keys(rows, items), pair_keys(known, items)
    if not is_ascending(there):
        there.sort()
    place = there.searchsorted(keys)
    np.minimum(place, len(there) - 1, out=place)
    return rows.filter(pl.Series(there[place] != keys))
