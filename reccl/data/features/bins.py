"""Bins: a number as the range that it falls into, such as the decade of a year."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.numeric import to_numbers
from reccl.data.features.words import one_hot
from reccl.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor


class Bins(FeatureSettings):
    """One column a range, with about equally many trained rows in each; all 0 where missing.

    A linear model can then give each range a weight of its own. Values that many rows share make fewer ranges.
    """

    kind: Literal["bins"] = "bins"
    number: Annotated[int, Field(ge=2)] = 10
    """How many ranges, at most."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        known = to_numbers(trained).drop_nulls().to_numpy()
        edges = np.unique(np.quantile(known, np.linspace(0, 1, self.number + 1)[1:-1])) if len(known) else known
        return FeatureState({"edges": [float(edge) for edge in edges if edge > known.min()]})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`year<1980`, `year=1980..1990`, `year>=1990`."""
        edges = [f"{edge:.10g}" for edge in state.values["edges"]]
        if not edges:
            return [f"{name}=any"]
        inner = [f"{name}={low}..{high}" for low, high in pairwise(edges)]
        return [f"{name}<{edges[0]}", *inner, f"{name}>={edges[-1]}"]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        return one_hot(*self.encode(column, state))

    @override
    def encode(self, column: pl.Series, state: FeatureState) -> tuple[Tensor, int]:
        numbers, edges = to_numbers(column), state.values["edges"]
        places = 1 + np.searchsorted(np.array(edges, dtype=np.float64), numbers.fill_null(0).to_numpy(), "right")
        return torch.from_numpy(np.where(numbers.is_null().to_numpy(), 0, places)), len(edges) + 2

    @override
    def is_known(self, column: pl.Series) -> pl.Series:
        return to_numbers(column).is_not_null()
