"""Scorers, an index: what ranks items for users."""

from typing import Annotated

from pydantic import Field, SerializeAsAny

from reccl.scorers.ease import Ease
from reccl.scorers.embedding import EmbeddingScorer
from reccl.scorers.graph_filter import GraphFilter
from reccl.scorers.item_knn import ItemKnn
from reccl.scorers.popularity import Popularity
from reccl.scorers.random import Random
from reccl.scorers.scorer import Scorer, ScorerSettings
from reccl.scorers.svd import Svd
from reccl.settings import outside

AnyScorer = Annotated[
    SerializeAsAny[
        Annotated[
            Ease | EmbeddingScorer | GraphFilter | ItemKnn | Popularity | Random | Svd, Field(discriminator="kind")
        ]
    ],
    outside(ScorerSettings),
]

__all__ = [
    "AnyScorer",
    "Ease",
    "EmbeddingScorer",
    "GraphFilter",
    "ItemKnn",
    "Popularity",
    "Random",
    "Scorer",
    "ScorerSettings",
    "Svd",
]
