"""Bins: a number as the range that it falls into, such as the decade of a year."""

from itertools import pairwise
from typing import Annotated, Literal

import numpy as np
import polars as pl
import torch
from pydantic import Field
from torch import Tensor
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, Learned
from reccl.data.features.numeric import as_numbers
from reccl.data.features.words import one_hot


class Bins(FeatureSettings):
    """One column a range, with about equally many trained rows in each; all 0 where missing.

    A linear model can then give each range a weight of its own. Values that many rows share make fewer ranges.
    """

    kind: Literal["bins"] = "bins"
    number: Annotated[int, Field(ge=2)] = 10
    """How many ranges, at most."""

    @override
    def fit(self, trained: pl.Series) -> Learned:
        known = as_numbers(trained).drop_nulls().to_numpy()
        edges = np.unique(np.quantile(known, np.linspace(0, 1, self.number + 1)[1:-1])) if len(known) else known
        return Learned({"edges": [float(edge) for edge in edges if edge > known.min()]})

    def columns(self, name: str, learned: Learned) -> list[str]:
        """`year<1980`, `year=1980..1990`, `year>=1990`."""
        edges = [f"{edge:.10g}" for edge in learned.values["edges"]]
        if not edges:
            return [f"{name}=any"]
        inner = [f"{name}={low}..{high}" for low, high in pairwise(edges)]
        return [f"{name}<{edges[0]}", *inner, f"{name}>={edges[-1]}"]

    @override
    def matrix(self, column: pl.Series, learned: Learned) -> Tensor:
        return one_hot(*self.codes(column, learned))

    @override
    def codes(self, column: pl.Series, learned: Learned) -> tuple[Tensor, int]:
        numbers, edges = as_numbers(column), learned.values["edges"]
        places = 1 + np.searchsorted(np.array(edges, dtype=np.float64), numbers.fill_null(0).to_numpy(), "right")
        return torch.from_numpy(np.where(numbers.is_null().to_numpy(), 0, places)), len(edges) + 2

    @override
    def known(self, column: pl.Series) -> pl.Series:
        return as_numbers(column).is_not_null()
