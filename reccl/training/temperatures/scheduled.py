"""Scheduled: from one temperature to another over the epochs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.training.temperatures.temperature import TemperatureSettings

if TYPE_CHECKING:
    from reccl.training.temperatures.modules.temperature import Temperature


class Scheduled(TemperatureSettings):
    """`first` in the first epoch, `last` in the last of `training.epochs`, in between along a line or half a cosine.

    High at first, low at last: coarse groups before fine differences (Kukleva et al., Temperature Schedules for
    Self-Supervised Contrastive Methods on Long-Tail Data, ICLR 2023; https://arxiv.org/abs/2303.13664).

    Where we differ: theirs oscillates; this goes one way.
    """

    kind: Literal["scheduled"] = "scheduled"
    first: Annotated[float, Field(gt=0)] = 0.5
    """Temperature of the first epoch."""
    last: Annotated[float, Field(gt=0)] = 0.1
    """Temperature of the last epoch; early stopping does not wait for it."""
    shape: Literal["cosine", "linear"] = "linear"
    """The curve between the two."""

    def temperature_at(self, progress: float) -> float:
        """The temperature after this share of the way, 0 to 1."""
        share = progress if self.shape == "linear" else (1 - math.cos(math.pi * progress)) / 2
        return self.first + (self.last - self.first) * share

    @override
    def build(self, graph: Graph) -> Temperature:
        from reccl.training.temperatures.modules.scheduled import ScheduledTemperature

        return ScheduledTemperature(self)
