"""Labels: the values that items have in a column, several where it holds lists."""

from dataclasses import dataclass

import polars as pl
import torch
from torch import Tensor

from reccl.errors import DataError


@dataclass(frozen=True)
class Labels:
    """Labels of I items as numbers 0 .. C - 1; C where an item has no more."""

    of_item: Tensor  # [I, L]
    count: int  # C
    names: pl.Series  # [C]

    @classmethod
    def of(cls, column: pl.Series) -> "Labels":
        """Of a column of values, or of lists of values. Raises DataError for other columns.

        >>> Labels.of(pl.Series([["a", "b"], ["b"], None])).of_item.tolist()
        [[0, 1], [1, 2], [2, 2]]
        """
        lists = isinstance(column.dtype, pl.List | pl.Array)
        if column.dtype.is_nested() and not lists:
            raise DataError(f"items cannot be told apart by {column.name}: it is {column.dtype}")
        values = (column if lists else column.to_frame().select(pl.concat_list(column.name)).to_series()).alias("label")
        rows = values.to_frame().with_row_index("item").explode("label").drop_nulls().unique(maintain_order=True)
        names = rows["label"].unique().sort()
        numbers = names.to_frame().with_row_index("number")
        rows = rows.join(numbers, on="label", maintain_order="left").sort("item", "number", maintain_order=True)
        rows = rows.with_columns(pl.int_range(pl.len()).over("item").alias("place"))
        width = int(rows["place"].max() or 0) + 1 if rows.height else 1  # type: ignore[arg-type]
        of_item = torch.full((len(column), width), len(names))
        places = [torch.from_numpy(rows[name].to_numpy(writable=True)).long() for name in ("item", "place", "number")]
        of_item[places[0], places[1]] = places[2]
        return cls(of_item, len(names), names)

    def to_shares(self, items: Tensor) -> Tensor:
        """p(label | item), an item's labels sharing one: [...] -> [..., C]; zeros where it has none."""
        own = self.of_item[items]  # [..., L]
        flat = torch.zeros(*own.shape[:-1], self.count + 1).scatter_(-1, own, 1.0)[..., : self.count]
        shares: Tensor = flat / flat.sum(-1, keepdim=True).clamp(min=1)
        return shares
