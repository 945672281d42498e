"""Scorers, an index: what ranks items for users."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.scorers.chebyshev_filter import ChebyshevFilter
from reccl.scorers.ease import Ease
from reccl.scorers.embedding import EmbeddingScorer
from reccl.scorers.graph_filter import GraphFilter
from reccl.scorers.item_knn import ItemKnn
from reccl.scorers.popularity import Popularity
from reccl.scorers.random import Random
from reccl.scorers.scorer import Scorer, ScorerBuilder, ScorerSettings, ValidationMetric
from reccl.scorers.selection.blend import Blend
from reccl.scorers.selection.grid_search import GridSearch
from reccl.scorers.single import Single
from reccl.scorers.svd import Svd
from reccl.settings import outside

AnyScorer = Annotated[
    SerializeAsAny[Annotated[Blend | Single | GridSearch, Field(discriminator="kind")]],
    outside(ScorerSettings),
]

__all__ = [
    "AnyScorer",
    "Blend",
    "ChebyshevFilter",
    "Ease",
    "EmbeddingScorer",
    "GraphFilter",
    "GridSearch",
    "ItemKnn",
    "Popularity",
    "Random",
    "Scorer",
    "ScorerBuilder",
    "ScorerSettings",
    "Single",
    "Svd",
    "ValidationMetric",
]
