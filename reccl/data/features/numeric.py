"""Numeric: one number, brought to a common scale."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor

POINTS = 1000
"""Quantiles that are kept of a column at most."""


class Numeric(FeatureSettings):
    """standard: (x - mean) / deviation. quantile: 2 (share of trained values below, equals by half) - 1, in [-1, 1].

    Mean, deviation and quantiles are those of the trained rows. Missing and infinite values are 0: the mean, or the
    median. Dates and times count as moments.
    """

    kind: Literal["numeric"] = "numeric"
    scaling: Literal["quantile", "standard"] = "standard"
    """How numbers come to a common scale; quantile for those with a long tail, such as prices."""
    missing: bool = False
    """A column of its own, `name~missing`, that is 1 where the number is missing."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        known = to_numbers(trained).drop_nulls()
        if self.scaling == "standard":
            return FeatureState({"mean": mean(known), "deviation": deviation(known)})
        values = known.to_numpy()
        shares = np.linspace(0, 1, min(POINTS, len(values)))
        points = np.quantile(values, shares) if len(values) else values
        return FeatureState(tensors={"points": torch.from_numpy(np.array(points, dtype=np.float64))})

    @override
    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        return [name] + [f"{name}~missing"] * self.missing

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        numbers = to_numbers(column)
        if self.scaling == "standard":
            scaled = standardize(numbers, state.values["mean"], state.values["deviation"])  # [n]
        else:
            points = state.tensors["points"].numpy()
            values = numbers.fill_null(0).to_numpy()
            below = np.searchsorted(points, values, "left") + np.searchsorted(points, values, "right")
            share = below / (2 * max(1, len(points)))  # [n] in [0, 1]
            usable = numbers.is_not_null().to_numpy() & (len(points) > 0)
            scaled = torch.from_numpy(np.where(usable, 2 * share - 1, 0).astype(np.float32))
        gone = torch.from_numpy(numbers.is_null().to_numpy(writable=True)).float()
        return torch.stack([scaled, gone] if self.missing else [scaled], 1)

    @override
    def is_known(self, column: pl.Series) -> pl.Series:
        return to_numbers(column).is_not_null()


def to_numbers(column: pl.Series) -> pl.Series:
    """[n] float64; null where missing, not a number, or infinite. Moments are microseconds since 1970."""
    if column.dtype in (pl.Date, pl.Datetime):
        column = column.cast(pl.Datetime("us")) if column.dtype == pl.Date else column.dt.cast_time_unit("us")
    column = column.replace({"": None}) if column.dtype == pl.String else column
    numbers = column.to_physical().cast(pl.Float64)
    return pl.select(pl.when(numbers.is_finite()).then(numbers).alias(column.name)).to_series()


def mean(known: pl.Series) -> float:
    """The mean; 0 of nothing."""
    return float(known.mean() or 0)  # type: ignore[arg-type]


def deviation(known: pl.Series) -> float:
    """The standard deviation; 1 where there is none."""
    return float(known.std() or 0) or 1.0  # type: ignore[arg-type]


def standardize(numbers: pl.Series, mean: float, deviation: float) -> Tensor:
    """(x - mean) / deviation, [n] float32; 0 where missing."""
    scaled = ((numbers - mean) / deviation).fill_null(0).cast(pl.Float32)
    return torch.from_numpy(scaled.to_numpy(writable=True))
