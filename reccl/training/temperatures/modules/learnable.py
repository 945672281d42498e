"""Learnable temperature: one parameter."""

import math

import torch
from torch import Tensor, nn
from typing_extensions import override

from reccl.training.temperatures.modules.temperature import Temperature
from reccl.training.temperatures.temperature import TemperatureInput


class LearnableTemperature(Temperature):
    """Holds p."""

    def __init__(self, initial: float, floor: float) -> None:
        super().__init__()
        self.floor = floor
        self.log = nn.Parameter(torch.tensor(math.log(initial - floor)))  # [] p

    @override
    def forward(self, inputs: TemperatureInput) -> Tensor:
        return self.floor + self.log.exp()
