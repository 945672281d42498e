"""RBF: a number as its nearness to points along its range."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

import polars as pl
from pydantic import Field
from typing_extensions import override

from reccl.data.features.feature import FeatureSettings, FeatureState
from reccl.data.features.numeric import to_numbers
from reccl.lazy import np, torch

if TYPE_CHECKING:
    from torch import Tensor


class RBF(FeatureSettings):
    """exp(-((x - c_k) / w)^2 / 2) for points c_k that lie w apart, rows of length 1; all 0 where missing.

    A linear model over them is a smooth function of x of any shape, where `bins` makes steps and `numeric` a line
    (radial basis functions: Bishop, Pattern Recognition and Machine Learning, 2006, ch. 3.1). The points reach from the
    least to the greatest trained value; a value beyond counts as the nearest of these.
    """

    kind: Literal["rbf"] = "rbf"
    number: Annotated[int, Field(ge=2)] = 40
    """Points."""

    @override
    def fit(self, trained: pl.Series) -> FeatureState:
        known = to_numbers(trained).drop_nulls().to_numpy()
        low, high = (float(known.min()), float(known.max())) if len(known) else (0.0, 0.0)
        return FeatureState({"points": np.linspace(low, high, self.number if high > low else 1).tolist()})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`year~1980`, `year~1982`."""
        return [f"{name}~{point:.10g}" for point in state.values["points"]]

    @override
    def transform(self, column: pl.Series, state: FeatureState) -> Tensor:
        points = np.array(state.values["points"])  # [F]
        width = points[1] - points[0] if len(points) > 1 else 1.0
        numbers = to_numbers(column)
        x = numbers.fill_null(0).to_numpy().clip(points[0], points[-1])  # [n]
        near = np.exp(-np.square((x[:, None] - points) / width) / 2)  # [n, F]
        near /= np.linalg.norm(near, axis=1, keepdims=True)
        return torch.from_numpy((near * numbers.is_not_null().to_numpy()[:, None]).astype(np.float32))

    @override
    def is_known(self, column: pl.Series) -> pl.Series:
        return to_numbers(column).is_not_null()
