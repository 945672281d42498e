"""Temperatures, an index: where a loss's temperature comes from when it is not a fixed number."""

from typing import TYPE_CHECKING, Annotated, Any

from pydantic import Field, SerializeAsAny

from reccl.settings import outside
from reccl.training.temperatures.adaptive import Adaptive
from reccl.training.temperatures.cosine_statistics import CosineStatistics
from reccl.training.temperatures.learnable import Learnable
from reccl.training.temperatures.scheduled import Scheduled
from reccl.training.temperatures.temperature import TemperatureInput, TemperatureSettings

if TYPE_CHECKING:
    from reccl.training.temperatures.modules.temperature import Temperature

AnyTemperature = Annotated[
    SerializeAsAny[Annotated[Adaptive | Learnable | Scheduled, Field(discriminator="kind")]],
    outside(TemperatureSettings),
]

__all__ = [
    "Adaptive",
    "AnyTemperature",
    "CosineStatistics",
    "Learnable",
    "Scheduled",
    "Temperature",
    "TemperatureInput",
    "TemperatureSettings",
]


def __getattr__(name: str) -> Any:
    """`Temperature`, an nn.Module, is loaded when it is asked for: it needs torch."""
    if name == "Temperature":
        from reccl.training.temperatures.modules.temperature import Temperature

        return Temperature
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
