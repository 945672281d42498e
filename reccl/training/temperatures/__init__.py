"""Temperatures, an index: where a loss's temperature comes from when it is not a fixed number."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.settings import outside
from reccl.training.temperatures.adaptive import Adaptive
from reccl.training.temperatures.cosine_statistics import CosineStatistics
from reccl.training.temperatures.learnable import Learnable
from reccl.training.temperatures.scheduled import Scheduled
from reccl.training.temperatures.temperature import Temperature, TemperatureInput, TemperatureSettings

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
