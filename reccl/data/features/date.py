"""Date: the year on a common scale, the month and the day of the week on a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import polars as pl
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.numeric import deviation, mean, standardize
from reccl.lazy import torch

if TYPE_CHECKING:
    from torch import Tensor

Part = Literal["month", "weekday", "year"]
CIRCLES = {"month": 12, "weekday": 7}


class Date(FeatureSettings):
    """year: (year - mean) / deviation of the trained rows. month, weekday: sine and cosine, so that December is near
    January. All 0 where missing. Takes dates, times, and text that begins 2026-12-31.
    """

    kind: Literal["date"] = "date"
    parts: tuple[Part, ...] = ("year", "month", "weekday")
    """Which parts of the date."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        years = to_dates(trained).dt.year().cast(pl.Float64).drop_nulls()
        return FeatureState({"mean": mean(years), "deviation": deviation(years)})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`released~year`, `released~month_sin`, `released~month_cos`."""
        return [
            f"{name}~{part}{suffix}"
            for part in self.parts
            for suffix in (("_sin", "_cos") if part in CIRCLES else ("",))
        ]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        dates = to_dates(column)
        known = torch.from_numpy(dates.is_not_null().to_numpy(writable=True)).float()  # [n]
        made = [torch.zeros(len(column), 0)]
        for part in self.parts:
            if part == "year":
                years = dates.dt.year().cast(pl.Float64)
                made.append(standardize(years, state.values["mean"], state.values["deviation"])[:, None])
            else:
                places = (dates.dt.month() if part == "month" else dates.dt.weekday()).fill_null(1) - 1
                share = places.cast(pl.Float32) / CIRCLES[part]
                turn = 2 * torch.pi * torch.from_numpy(share.to_numpy(writable=True))  # [n]
                made.append(torch.stack([turn.sin() * known, turn.cos() * known], 1))  # [n, 2]
        return torch.cat(made, 1)

    @override
    def is_known(self, column: pl.Series) -> pl.Series:
        return to_dates(column).is_not_null()


def to_dates(column: pl.Series) -> pl.Series:
    """[n] dates. Raises ValueError for numbers: a year is a number, not a date."""
    if column.dtype == pl.String:
        return column.replace({"": None}).str.slice(0, 10).str.to_date("%Y-%m-%d")
    if column.dtype in (pl.Date, pl.Datetime, pl.Null):
        return column.cast(pl.Date)
    raise ValueError(f"holds {column.dtype}, no dates; a year is kind numeric or bins")
