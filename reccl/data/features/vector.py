"""Vector: numbers that something else computed, such as the embedding of a picture."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.lazy import functional, np, torch

if TYPE_CHECKING:
    from torch import Tensor


class Vector(FeatureSettings):
    """A list of numbers of one length; all 0 where missing.

    none: as they are. unit: divided by the row's length. standard: (x - mean) / deviation of the trained rows, a
    component at a time.
    """

    kind: Literal["vector"] = "vector"
    scaling: Literal["none", "standard", "unit"] = "none"
    """How the numbers come to a common scale."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        lists = to_lists(trained).drop_nulls()
        length = lists.list.len()[0] if len(lists) else 0
        rows = stack_rows(lists, length)[0]  # [n, d]
        if self.scaling != "standard" or not len(rows):
            return FeatureState({"length": length})
        spread = rows.std(0)
        middle = {"mean": rows.mean(0), "deviation": np.where(spread > 0, spread, 1.0)}
        return FeatureState({"length": length}, {name: torch.from_numpy(value) for name, value in middle.items()})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`picture~1`, `picture~2`."""
        return [f"{name}~{place}" for place in range(1, state.values["length"] + 1)]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        length = state.values["length"]
        if not length:
            return torch.zeros(len(column), 0)  # no trained row has one
        rows, known = (torch.from_numpy(each) for each in stack_rows(to_lists(column), length))  # [n, d], [n]
        if "mean" in state.tensors:
            rows = (rows - state.tensors["mean"]) / state.tensors["deviation"] * known[:, None]
        return functional.normalize(rows, dim=1).float() if self.scaling == "unit" else rows.float()


def to_lists(column: pl.Series) -> pl.Series:
    """[n] lists of float64."""
    if column.dtype == pl.Null:
        return column.cast(pl.List(pl.Float64))
    if not isinstance(column.dtype, pl.List | pl.Array):
        raise ValueError(f"holds {column.dtype}, no lists of numbers")
    return column.cast(pl.List(pl.Float64))


def stack_rows(lists: pl.Series, length: int) -> tuple[np.ndarray, np.ndarray]:
    """[n, length] float64, 0 where missing, and [n] where it is known. Raises ValueError for another length."""
    sizes, known = lists.list.len(), lists.is_not_null().to_numpy(writable=True)
    if len(wrong := (sizes != length).fill_null(False).arg_true()):
        raise ValueError(f"row {wrong[0] + 1:,} holds {sizes[wrong[0]]:,} numbers, not {length:,}")
    made = np.zeros((len(lists), length))
    if length and known.any():
        made[known] = lists.drop_nulls().explode().fill_null(0).to_numpy().reshape(-1, length)
    return np.nan_to_num(made, nan=0, posinf=0, neginf=0), known
