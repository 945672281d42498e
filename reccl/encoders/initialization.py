"""Initialization: how trainable embeddings start."""

from math import sqrt
from typing import Annotated, Literal

import torch
from pydantic import Field
from torch import Tensor

from reccl.settings import Settings


class Normal(Settings):
    """Independent normal numbers (LightGCN's code: 0.1)."""

    kind: Literal["normal"] = "normal"
    deviation: Annotated[float, Field(gt=0)] = 0.1
    """Standard deviation of each component."""

    def table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        """A fresh table [rows, dimension]."""
        return torch.randn(rows, dimension, generator=generator) * self.deviation


class Xavier(Settings):
    """Glorot and Bengio 2010: uniform in +- sqrt(6 / (rows + dimension)); what SGL, SimGCL and BSL start from."""

    kind: Literal["xavier"] = "xavier"

    def table(self, rows: int, dimension: int, generator: torch.Generator) -> Tensor:
        """A fresh table [rows, dimension]."""
        bound = sqrt(6 / (rows + dimension))
        return (torch.rand(rows, dimension, generator=generator) * 2 - 1) * bound


AnyInitialization = Annotated[Normal | Xavier, Field(discriminator="kind")]
