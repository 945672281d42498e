"""IdMap: the only place where raw ids become row numbers, and back."""

from dataclasses import dataclass
from functools import cached_property
from typing import Self

import polars as pl

from reccl.errors import DataError, shorten

FEW = 100
"""So many times more ids in a map than ids asked for: these are searched."""


@dataclass(frozen=True)
class IdMap:
    """Raw ids of users or items; an id's row number is its place. `fit` sorts them.

    Sorting makes the numbering depend on the set of ids alone, not on the order of the raw rows.

    >>> ids = IdMap.fit(pl.Series(["b", "a", "b"]))
    >>> ids.to_rows(pl.Series(["a", "b", "c"])).to_list()
    [0, 1, None]
    >>> ids.to_ids(pl.Series([1, 0])).to_list()
    ['b', 'a']
    """

    ids: pl.Series  # [n] unique, no nulls; sorted, except those that were added later

    @classmethod
    def fit(cls, *raw: pl.Series) -> Self:
        """Number every distinct id of the given columns."""
        return cls(pl.concat([part.unique() for part in raw]).unique().drop_nulls().sort().alias("id"))

    def __len__(self) -> int:
        return len(self.ids)

    def with_new(self, raw: pl.Series) -> "IdMap":
        """These ids, followed by the new ones of `raw`, sorted; no row number changes."""
        typed = self.cast(raw).alias("id").unique().drop_nulls().sort()
        if typed.is_empty():
            return self
        return IdMap(pl.concat([self.ids, typed.filter(self.to_rows(typed).is_null())]))

    def to_rows(self, raw: pl.Series) -> pl.Series:
        """Row numbers (Int32) of raw ids, null where an id is unknown."""
        typed = self.cast(raw)
        if len(raw) * FEW < len(self.ids):
            return self.search(typed).alias(raw.name)
        wanted = typed.alias("id").to_frame()
        found = wanted.join(self.to_table("row"), on="id", how="left", maintain_order="left")
        return found.get_column("row").alias(raw.name)

    def search(self, typed: pl.Series) -> pl.Series:
        """Row numbers of ids by binary search, for a few of them among many."""
        ids, order = self.ascending
        place = ids.search_sorted(typed.fill_null(ids[0])).clip(upper_bound=len(ids) - 1)  # [n]
        found = zip(typed, ids.gather(place), place if order is None else order.gather(place), strict=True)
        return pl.Series([row if near == wanted else None for wanted, near, row in found], dtype=pl.Int32)

    @cached_property
    def ascending(self) -> tuple[pl.Series, pl.Series | None]:
        """The ids in order, and their row numbers; None where that is the order they have."""
        if self.ids.is_sorted():
            return self.ids, None
        order = self.ids.arg_sort()
        return self.ids.gather(order), order

    def to_table(self, name: str) -> pl.DataFrame:
        """Every id with its row number, as a table with the columns `id` and `name`."""
        return self.ids.alias("id").to_frame().with_columns(pl.int_range(pl.len(), dtype=pl.Int32).alias(name))

    def to_ids(self, rows: pl.Series) -> pl.Series:
        """Raw ids of row numbers."""
        return self.ids.gather(rows).alias(rows.name)

    def cast(self, raw: pl.Series) -> pl.Series:
        """Raw ids in this map's type, null where that has no such id: among numbers 1.0 and "1" are 1, 1.5 is null."""
        kind = self.ids.dtype
        if raw.dtype == kind or raw.dtype == pl.Null:
            return raw.cast(kind)
        if raw.dtype.is_float():  # as whole numbers come where some are missing
            whole = raw.cast(pl.Int64, strict=False)
            raw = pl.select(pl.when(whole == raw).then(whole)).to_series().alias(raw.name)
        elif raw.dtype == pl.String and kind.is_integer():
            raw = raw.str.strip_chars()
        elif not (raw.dtype.is_integer() or raw.dtype in (pl.String, pl.Categorical, pl.Enum)):
            return pl.Series(raw.name, [None] * len(raw), dtype=kind)
        return raw.cast(kind, strict=False)

    def require_match(self, raw: pl.Series, what: str) -> None:
        """Refuse ids of another type than this map's (numbers for text, or text for numbers) that all match nothing."""
        if not raw.len() or raw.dtype == pl.Null or is_text(raw) == is_text(self.ids):
            return
        if self.to_rows(raw).null_count() == raw.len():
            raise DataError(f"{what}: {contrast_ids(raw, self)}")


def is_text(ids: pl.Series) -> bool:
    """Whether ids are text."""
    return ids.dtype in (pl.String, pl.Categorical, pl.Enum)


def contrast_ids(raw: pl.Series, known: IdMap) -> str:
    """What tells ids that match nothing from those that are known.

    >>> contrast_ids(pl.Series([7]), IdMap.fit(pl.Series(["007"])))
    "they are such as 7 (Int64), and the known ones such as '007' (String)"
    >>> contrast_ids(pl.Series(["7"]), IdMap.fit(pl.Series([1, 2])))
    'they are such as 7, and the known ones such as 1'
    """
    first = raw.drop_nulls()
    if is_text(first) and not is_text(known.ids) and known.cast(first).null_count() == 0:
        first = known.cast(first)  # the type is not what keeps them apart
    asked, there = (shorten(ids[0]) if len(ids) else "none" for ids in (first, known.ids))
    types = ("", "") if first.dtype == known.ids.dtype else (f" ({raw.dtype})", f" ({known.ids.dtype})")
    return f"they are such as {asked}{types[0]}, and the known ones such as {there}{types[1]}"
