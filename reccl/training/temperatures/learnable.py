"""Learnable: one temperature, trained like any other parameter."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal, Self

from pydantic import Field, model_validator
from typing_extensions import override

from reccl.data.graph import Graph
from reccl.training.temperatures.temperature import TemperatureSettings

if TYPE_CHECKING:
    from reccl.training.temperatures.modules.temperature import Temperature


class Learnable(TemperatureSettings):
    """tau = floor + exp(p), p a parameter: the temperature of CLIP, Radford et al., ICML 2021;
    https://arxiv.org/abs/2103.00020.

    Where we differ: CLIP clips its logit scale at 100, where its gradient ends; an added floor keeps one. The parameter
    has no weight decay.
    """

    kind: Literal["learnable"] = "learnable"
    initial: Annotated[float, Field(gt=0)] = 0.2
    """Temperature before the first step."""
    floor: Annotated[float, Field(ge=0)] = 0.01
    """The temperature stays above this."""

    @model_validator(mode="after")
    def _above_floor(self) -> Self:
        if self.initial <= self.floor:
            raise ValueError(f"initial {self.initial} must be above floor {self.floor}")
        return self

    @override
    def build(self, graph: Graph) -> Temperature:
        from reccl.training.temperatures.modules.learnable import LearnableTemperature

        return LearnableTemperature(self.initial, self.floor).to(graph.device)
