"""Selection, an index: scorers of other scorers, whose weights and settings are selected on validation rows."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.scorers import ScorerSettings, SingleScorer
from reccl.scorers.selection.blend import Blend
from reccl.scorers.selection.distillation import Distillation
from reccl.scorers.selection.grid_search import GridSearch
from reccl.settings import outside

AnyScorer = Annotated[
    SerializeAsAny[Annotated[Blend | Distillation | GridSearch | SingleScorer, Field(discriminator="kind")]],
    outside(ScorerSettings),
]

__all__ = ["AnyScorer", "Blend", "Distillation", "GridSearch"]
