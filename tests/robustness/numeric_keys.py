"""Every numeric key of every part, with what makes a config that has the part; generated from the Settings classes."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, get_args

from pydantic import BaseModel

from reccl.cold_start import AnyItemFeatureModel, ColdStart
from reccl.config import Experiment
from reccl.data.features.schema import AnyFeature
from reccl.data.splits import AnySplit
from reccl.encoders import AnyEncoder
from reccl.encoders.initialization import AnyInitialization
from reccl.evaluation import Evaluation
from reccl.losses import AnyLoss
from reccl.negatives import AnyNegatives
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings
from reccl.training import AnyTerm, Training
from reccl.training.temperatures import AnyTemperature
from reccl.views import AnyView

VALUES = ("0", "-1", ".nan", ".inf", "-.inf", "1e300", "1000000000000", "9" * 400)
SLOTS: dict[str, Any] = {
    "": Experiment,
    "training": Training,
    "evaluation": Evaluation,
    "cold_start": ColdStart,
    "encoder": AnyEncoder,
    "encoder.initialization": AnyInitialization,
    "objective.extra": AnyTerm,
    "objective.ranking.loss": AnyLoss,
    "objective.ranking.negatives": AnyNegatives,
    "objective.ranking.temperature": AnyTemperature,
    "objective.ranking.view": AnyView,
    "scorer": AnyScorer,
    "data.split": AnySplit,
    "data.features.items.group": AnyFeature,
    "cold_start.items": AnyItemFeatureModel,
}
"""Where a part stands, and which parts may."""


@dataclass(frozen=True)
class NumericKey:
    """A numeric key of a part at its place."""

    key: str  # dotted
    makes: tuple[str, ...]  # overrides that put the part there
    listed: bool  # a list or map of numbers

    def overrides(self, value: str) -> tuple[str, ...]:
        """The overrides that set it."""
        return (*self.makes, f"{self.key}={f'[{value}]' if self.listed else value}")


def numeric_keys() -> Iterator[NumericKey]:
    """All of them, each part once at each place."""
    for slot, union in SLOTS.items():
        for part in parts_of(union):
            kind = part.model_fields.get("kind")
            makes = (f"{slot}={{kind: {kind.default}}}",) if kind is not None and slot else ()
            for name, field in part.model_fields.items():
                if (listed := find_number(field.annotation)) is not None:
                    yield NumericKey(f"{slot}.{name}".lstrip("."), makes, listed)


def parts_of(union: Any) -> list[type[Settings]]:
    """The classes inside nested Annotated and unions."""
    if isinstance(union, type) and issubclass(union, BaseModel):
        return [union]
    return list(dict.fromkeys(part for each in get_args(union) for part in parts_of(each)))


def find_number(annotation: Any) -> bool | None:
    """Whether a type holds a list of numbers (True), a number (False) or none (None)."""
    if annotation in (int, float):
        return False
    found = [find_number(each) for each in get_args(annotation) if each is not Ellipsis]
    if not any(each is not None for each in found):
        return None
    origin = getattr(annotation, "__origin__", None)
    return origin in (tuple, list) or any(each is True for each in found)
