"""Propagations, an index: how a linear graph encoder's embeddings are computed in a training step."""

from typing import Annotated

from pydantic import Field

from reccl.encoders.propagations.cached import Cached
from reccl.encoders.propagations.full import Full
from reccl.encoders.propagations.sampled import Sampled

AnyPropagation = Annotated[Cached | Full | Sampled, Field(discriminator="kind")]

__all__ = ["AnyPropagation", "Cached", "Full", "Sampled"]
