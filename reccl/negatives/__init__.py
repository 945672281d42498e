"""Negatives, an index: which items a positive is contrasted with."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.negatives.hard import Hard
from reccl.negatives.in_batch import InBatch
from reccl.negatives.mixed import Mixed
from reccl.negatives.negatives import NegativeSample, NegativesSettings
from reccl.negatives.pool import AnyPool, Pool
from reccl.negatives.popularity import Popularity
from reccl.negatives.uniform import Uniform
from reccl.settings import outside

AnyNegatives = Annotated[
    SerializeAsAny[Annotated[Hard | Pool, Field(discriminator="kind")]],
    outside(NegativesSettings),
]

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
