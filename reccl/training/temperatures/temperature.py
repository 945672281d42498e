"""Temperature: where a loss's temperature comes from."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

from torch import Tensor
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.losses import Pairs
from reccl.settings import Settings
from reccl.training.temperatures.cosine_statistics import CosineStatistics
from reccl.training.term_module import TermModule

Side = Literal["users", "items"]


@dataclass(frozen=True)
class TemperatureInput:
    """What a temperature may depend on."""

    pairs: Pairs
    anchor: Tensor  # [B] row of each anchor on its side
    side: Side  # of the anchors
    statistics: Callable[[], CosineStatistics]  # of the cosines of all nodes; costs a pass over the interactions
    progress: float  # share of the epochs that are over, 0 in the first and 1 in the last


class Temperature(TermModule):
    """Gives the temperature of each step."""

    @override
    def forward(self, inputs: TemperatureInput) -> Tensor:
        """One for all anchors [], or one per anchor [B]; above zero."""
        raise NotImplementedError


class TemperatureSettings(Settings):
    """The config of a temperature."""

    def build(self, graph: Graph) -> Temperature:
        """The module with its parameters and buffers, on the graph's device."""
        raise NotImplementedError
