"""Projector: maps embeddings to the space in which their dimensions are compared."""

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, relu
from typing_extensions import override

from reccl.losses.barlow_twins import standardize

LAYERS = 3


class Projector(nn.Module):
    """Three linear layers without bias, [B, D] -> [B, D]; after the first two batch normalization and ReLU.

    Barlow Twins, Zbontar et al., ICML 2021 (https://arxiv.org/abs/2103.03230), and the code of RecDCL, Zhang et al.,
    WWW 2024. Batch normalization is `standardize` with a factor and a shift for each component: it is used in training
    alone, so that no moving averages are kept, and a batch of one is all zeros before the shift.
    """

    def __init__(self, dimension: int, generator: torch.Generator) -> None:
        super().__init__()
        tables = [torch.empty(dimension, dimension, device=generator.device) for _ in range(LAYERS)]
        self.weights = nn.ParameterList(
            nn.init.xavier_normal_(table, generator=generator) for table in tables
        )  # [D, D]
        self.factors = nn.Parameter(torch.ones(LAYERS - 1, dimension, device=generator.device))  # [2, D]
        self.shifts = nn.Parameter(torch.zeros(LAYERS - 1, dimension, device=generator.device))  # [2, D]

    @override
    def forward(self, x: Tensor) -> Tensor:
        first, second, last = self.weights
        for weight, factor, shift in zip((first, second), self.factors, self.shifts, strict=True):
            x = relu(standardize(linear(x, weight)) * factor + shift)
        return linear(x, last)
