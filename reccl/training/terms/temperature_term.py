"""Temperature term: a term whose loss may take its temperature from a module."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Self, cast

from pydantic import model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.lazy import torch
from reccl.losses import AnyLoss, InfoNCE, Pairs
from reccl.training.temperatures import Adaptive, AnyTemperature, CosineStatistics, TemperatureInput
from reccl.training.temperatures.temperature import Side
from reccl.training.terms.term import Step, TermSettings

if TYPE_CHECKING:
    from torch import Tensor, nn

    from reccl.encoders import Encoder
    from reccl.training.temperatures import Temperature


class TemperatureTerm(TermSettings):
    """What the terms `ranking`, `contrast` and `cross_layer` have in common."""

    loss: AnyLoss = InfoNCE()
    """Loss over (anchor, positive, negatives)."""
    temperature: AnyTemperature | None = None
    """Where the loss's temperature comes from; empty: the loss's own number."""

    @model_validator(mode="after")
    def _loss_takes_it(self) -> Self:
        name = getattr(self.loss, "kind", type(self.loss).__name__)
        if self.temperature is not None and not self.loss.takes_temperature:
            raise ValueError(f"loss {name!r} has no temperature: leave the term's temperature empty")
        if isinstance(self.temperature, Adaptive) and getattr(self.loss, "similarity", "cosine") != "cosine":
            raise ValueError(f"an adaptive temperature is that of cosines: set similarity=cosine in the loss {name!r}")
        return self

    @override
    def build(self, encoder: Encoder, graph: Graph, generator: torch.Generator) -> dict[str, nn.Module]:
        return {} if self.temperature is None else {"temperature": self.temperature.build(graph)}

    def loss_at_temperature(
        self, step: Step, pairs: Pairs, side: Side, anchor: Tensor, statistics: Callable[[], CosineStatistics]
    ) -> Tensor:
        """The loss of pairs whose anchors are the rows [B] of a side, at the temperature of the step."""
        if "temperature" not in step.modules:
            return step.part_of(self.loss, pairs)
        temperature = cast("Temperature", step.modules["temperature"])
        inputs = TemperatureInput(pairs, anchor, side, statistics, step.progress)
        return step.part_of(self.loss, replace(pairs, temperature=temperature(inputs)))
