"""Winners: which users gained and lost most between two methods, and which items are found more or less often."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import polars as pl

from reccl.data.columns import ITEM, USER
from reccl.evaluation.item_hits import RELEVANT, TITLE


@dataclass(frozen=True)
class UserWinners:
    """Users by what a method gains over another. Columns: user, value, value_base, gain."""

    users: int
    better: float  # share with a higher value
    equal: float
    worse: float
    won: pl.DataFrame  # largest gain first; gains alone
    lost: pl.DataFrame  # largest loss first; losses alone


@dataclass(frozen=True)
class ItemWinners:
    """Items by how many users more find them. Columns: item, title where known, relevant, hits, hits_base, gain."""

    items: int  # held out by somebody
    k: int
    more: int  # items with more hits
    fewer: int
    won: pl.DataFrame
    lost: pl.DataFrame


def rank_users(ours: Sequence[pl.DataFrame], theirs: Sequence[pl.DataFrame], most: int) -> UserWinners | None:
    """The users whose value changes most, of a method's runs against another's; None without users in common.

    Every table (one a run) has columns user and value; values are averaged over runs. Of equal changes the lower id
    comes first.

    >>> base = pl.DataFrame({"user": ["a", "b", "c", "d"], "value": [0.5, 0.5, 0.5, 0.5]})
    >>> found = rank_users([base.with_columns(value=pl.Series([0.5, 1.0, 0.0, 0.6]))], [base], most=1)
    >>> found.better, found.equal, found.worse, found.won["user"].to_list(), found.lost["user"].to_list()
    (0.5, 0.25, 0.25, ['b'], ['c'])
    """
    one, other = (pl.concat(tables).group_by(USER).agg(pl.col("value").mean()) for tables in (ours, theirs))
    both = one.join(other, on=USER, suffix="_base").with_columns(gain=pl.col("value") - pl.col("value_base"))
    if both.is_empty():
        return None
    gain = both["gain"]
    better, equal, worse = (int(of.sum()) / len(gain) for of in (gain > 0, gain == 0, gain < 0))
    return UserWinners(len(gain), better, equal, worse, *split_ends(both, USER, most))


def rank_items(ours: Sequence[pl.DataFrame], theirs: Sequence[pl.DataFrame], k: int, most: int) -> ItemWinners | None:
    """The items whose hits among the first k change most, likewise; tables of `ItemHits.to_frame`.

    None where a table has no hits at k. Hits are averaged over runs.

    >>> base = pl.DataFrame({"item": [7, 8], "relevant": [3, 3], "hits_at_10": [0, 2]})
    >>> found = rank_items([base.with_columns(hits_at_10=pl.Series([2, 1]))], [base], k=10, most=5)
    >>> found.won.rows(), found.lost.rows()
    ([(7, 3, 2.0, 0.0, 2.0)], [(8, 3, 1.0, 2.0, -1.0)])
    """
    name = f"hits_at_{k}"
    if any(name not in table.columns for table in (*ours, *theirs)):
        return None
    about = pl.concat([table.select(ITEM, RELEVANT, *keep_title(table)) for table in (*ours, *theirs)], how="diagonal")
    about = about.filter(pl.col(RELEVANT) > 0).unique(ITEM, keep="first", maintain_order=True)
    sides = [
        pl.concat([table.select(ITEM, name) for table in tables]).group_by(ITEM).agg(pl.col(name).sum() / len(tables))
        for tables in (ours, theirs)
    ]
    both = about
    for side, column in zip(sides, ("hits", "hits_base"), strict=True):
        both = both.join(side.rename({name: column}), on=ITEM, how="left").with_columns(pl.col(column).fill_null(0.0))
    both = both.with_columns(gain=pl.col("hits") - pl.col("hits_base"))
    both = both.select(ITEM, *keep_title(both), RELEVANT, "hits", "hits_base", "gain")
    more, fewer = int((both["gain"] > 0).sum()), int((both["gain"] < 0).sum())
    return ItemWinners(both.height, k, more, fewer, *split_ends(both, ITEM, most))


def keep_title(table: pl.DataFrame) -> list[str]:
    """The column of titles, where there is one."""
    return [TITLE] if TITLE in table.columns else []


def split_ends(table: pl.DataFrame, key: str, most: int) -> tuple[pl.DataFrame, pl.DataFrame]:
    """The rows of the largest gains, and of the largest losses."""
    won = table.filter(pl.col("gain") > 0).sort("gain", key, descending=[True, False]).head(most)
    return won, table.filter(pl.col("gain") < 0).sort("gain", key).head(most)
