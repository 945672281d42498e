"""Negatives, an index: which items a positive is contrasted with."""

from typing import Annotated

from pydantic import AfterValidator, Field, SerializeAsAny

from reccl.negatives.hard import Hard
from reccl.negatives.in_batch import InBatch
from reccl.negatives.mixed import Mixed
from reccl.negatives.negatives import NegativeSample, NegativesSettings, require_pool
from reccl.negatives.popularity import Popularity
from reccl.negatives.uniform import Uniform
from reccl.settings import outside

Pool = InBatch | Mixed | Popularity | Uniform
"""Ways to sample negatives that use all of them."""

AnyPool = Annotated[
    SerializeAsAny[Annotated[Pool, Field(discriminator="kind")]],
    outside(NegativesSettings),
    AfterValidator(require_pool),
]
AnyNegatives = Annotated[
    SerializeAsAny[Annotated[Hard | Pool, Field(discriminator="kind")]],
    outside(NegativesSettings),
]
Hard.model_rebuild()  # its pool is any of them

__all__ = [
    "AnyNegatives",
    "AnyPool",
    "Hard",
    "InBatch",
    "Mixed",
    "NegativeSample",
    "NegativesSettings",
    "Popularity",
    "Uniform",
]
