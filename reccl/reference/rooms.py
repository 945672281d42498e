"""Rooms of parts: what a key may choose from, and where that key stands."""

from typing import Annotated, Any, get_args, get_origin

from reccl.cold_start import AnyItemFeatureModel, AnyUserFeatureModel
from reccl.data.features import AnyFeature
from reccl.data.splits import AnySplit
from reccl.encoders import AnyEncoder
from reccl.encoders.initialization import AnyInitialization
from reccl.encoders.propagations import AnyPropagation
from reccl.losses import AnyLoss
from reccl.negatives import AnyNegatives
from reccl.scorers.selection import AnyScorer
from reccl.settings import Settings
from reccl.training import AnyTerm
from reccl.training.temperatures import AnyTemperature
from reccl.views import AnyView

ROOMS: dict[str, Any] = {
    "data.features.SIDE.COLUMN": AnyFeature,
    "data.split": AnySplit,
    "encoder": AnyEncoder,
    "encoder.initialization": AnyInitialization,
    "encoder.propagation": AnyPropagation,
    "objective.NAME": AnyTerm,
    "loss": AnyLoss,
    "negatives": AnyNegatives,
    "temperature": AnyTemperature,
    "view": AnyView,
    "scorer": AnyScorer,
    "cold_start.items": AnyItemFeatureModel,
    "cold_start.users": AnyUserFeatureModel,
}
"""The parts that a key chooses from, by the chapter of the reference that describes them."""

WHERE = {
    "data.features.SIDE.COLUMN": "What kind of feature a column is: `data.features.users.age: {kind: numeric}`.",
    "data.split": "How rows become train, validation and test.",
    "encoder": "What makes embeddings.",
    "encoder.initialization": "How trainable embeddings start.",
    "encoder.propagation": "How `lightgcn` takes its hops in a training step: exactly, or in less time.",
    "objective.NAME": "The terms that the objective sums, each under a name of your choice.",
    "loss": "The loss of a term that has one: `objective.NAME.loss`.",
    "negatives": "The negatives of a term that has some: `objective.NAME.negatives`.",
    "temperature": "Where a term's temperature comes from, in place of the number that its loss has: "
    "`objective.NAME.temperature`.",
    "view": "What an encoder sees of the graph: `view`, or `first` and `second`, of a term.",
    "scorer": "What ranks items for users.",
    "cold_start.items": "What places items without training rows.",
    "cold_start.users": "What places users without training rows.",
}
"""What stands under the title of such a chapter."""


def members(union: Any) -> set[type[Settings]]:
    """The Settings classes of a (nested, annotated) union."""
    if isinstance(union, type) and issubclass(union, Settings):
        return {union}
    inner = get_args(union)[:1] if get_origin(union) is Annotated else get_args(union)
    return {cls for entry in inner for cls in members(entry)}


def room_of(union: Any) -> str | None:
    """The chapter that describes all parts of a union, the one with the fewest others; None where there is none."""
    found = members(union)
    fitting = [(len(members(parts)), name) for name, parts in ROOMS.items() if found and found <= members(parts)]
    return min(fitting)[1] if fitting else None


def anchor(title: str) -> str:
    """The link to a chapter, as both GitHub and the documentation site make it."""
    return "#" + "".join(letter for letter in title.lower() if letter.isalnum() or letter in "_-")
