"""Scheduled temperature: the one of this moment."""

import torch
from torch import Tensor
from typing_extensions import override

from reccl.training.temperatures.modules.temperature import Temperature
from reccl.training.temperatures.scheduled import Scheduled
from reccl.training.temperatures.temperature import TemperatureInput


class ScheduledTemperature(Temperature):
    """Holds nothing."""

    def __init__(self, settings: Scheduled) -> None:
        super().__init__()
        self.settings = settings

    @override
    def forward(self, inputs: TemperatureInput) -> Tensor:
        return torch.tensor(self.settings.temperature_at(inputs.progress), device=inputs.anchor.device)
