"""Temperature: where a loss's temperature comes from."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from reccl.data.graph import Graph
from reccl.losses import Pairs
from reccl.settings import Settings
from reccl.training.temperatures.cosine_statistics import CosineStatistics

if TYPE_CHECKING:
    from torch import Tensor

    from reccl.training.temperatures.modules.temperature import Temperature


Side = Literal["users", "items"]


@dataclass(frozen=True)
class TemperatureInput:
    """What a temperature may depend on."""

    pairs: Pairs
    anchor: Tensor  # [B] row of each anchor on its side
    side: Side  # of the anchors
    statistics: Callable[[], CosineStatistics]  # of the cosines of all nodes; costs a pass over the interactions
    progress: float  # share of the epochs that are over, 0 in the first and 1 in the last


class TemperatureSettings(Settings):
    """The config of a temperature."""

    def build(self, graph: Graph) -> Temperature:
        """The module with its parameters and buffers, on the graph's device."""
        raise NotImplementedError
