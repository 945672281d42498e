"""Prefix: how a text begins, such as the region in a postal code."""

from typing import Annotated, Literal

import polars as pl
from pydantic import Field

from reccl.data.features.categorical import OneWord
from reccl.data.features.feature import FeatureState


class Prefix(OneWord):
    """One column a beginning, of 94043 with `length` 1 the 9; all 0 where it is missing, rare, or new."""

    kind: Literal["prefix"] = "prefix"
    length: Annotated[int, Field(ge=1)] = 1
    """How many characters."""

    def words(self, column: pl.Series) -> pl.Series:
        """The beginnings; nothing is the beginning of an empty text."""
        starts = super().words(column).str.strip_chars().str.slice(0, self.length)
        return starts.replace({"": None})

    def name_columns(self, name: str, state: FeatureState) -> list[str]:
        """`zip_code=9*`."""
        return [f"{each}*" if "=" in each else each for each in super().name_columns(name, state)]
