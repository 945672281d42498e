"""Temperature: the module that a temperature's settings build."""

from torch import Tensor
from typing_extensions import override

from reccl.training.temperatures.temperature import TemperatureInput
from reccl.training.term_module import TermModule


class Temperature(TermModule):
    """Gives the temperature of each step."""

    @override
    def forward(self, inputs: TemperatureInput) -> Tensor:
        """One for all anchors [], or one per anchor [B]; above zero."""
        raise NotImplementedError
