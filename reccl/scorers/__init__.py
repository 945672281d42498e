"""Scorers, an index: what ranks items for users. See `reccl.scorers.selection` for those tuned on validation rows."""

from reccl.scorers.chebyshev_filter import ChebyshevFilter
from reccl.scorers.ease import Ease
from reccl.scorers.elsa import Elsa
from reccl.scorers.embedding import EmbeddingScorer
from reccl.scorers.graph_filter import GraphFilter
from reccl.scorers.graph_ode import GraphODE
from reccl.scorers.ials import Ials
from reccl.scorers.item_knn import ItemKnn
from reccl.scorers.personal_popularity import PersonalPopularity
from reccl.scorers.popularity import Popularity
from reccl.scorers.random import Random
from reccl.scorers.rp3beta import Rp3Beta
from reccl.scorers.scorer import Scorer, ScorerBuilder, ScorerSettings, ValidationMetric
from reccl.scorers.slim import Slim
from reccl.scorers.sparse_ease import SparseEase
from reccl.scorers.svd import Svd

SingleScorer = (
    ChebyshevFilter
    | Ease
    | Elsa
    | EmbeddingScorer
    | GraphFilter
    | GraphODE
    | Ials
    | ItemKnn
    | PersonalPopularity
    | Popularity
    | Random
    | Rp3Beta
    | Slim
    | SparseEase
    | Svd
)
"""Every scorer that does not combine others; a new one is added here."""

__all__ = [
    "ChebyshevFilter",
    "Ease",
    "Elsa",
    "EmbeddingScorer",
    "GraphFilter",
    "GraphODE",
    "Ials",
    "ItemKnn",
    "PersonalPopularity",
    "Popularity",
    "Random",
    "Rp3Beta",
    "Scorer",
    "ScorerBuilder",
    "ScorerSettings",
    "SingleScorer",
    "Slim",
    "SparseEase",
    "Svd",
    "ValidationMetric",
]
