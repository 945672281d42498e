"""Scorers, an index: what ranks items for users."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.scorers.embedding import EmbeddingScorer
from reccl.scorers.popularity import Popularity
from reccl.scorers.scorer import Scorer, ScorerSettings
from reccl.settings import outside

AnyScorer = Annotated[
    SerializeAsAny[Annotated[EmbeddingScorer | Popularity, Field(discriminator="kind")]],
    outside(ScorerSettings),
]

__all__ = ["AnyScorer", "EmbeddingScorer", "Popularity", "Scorer", "ScorerSettings"]
