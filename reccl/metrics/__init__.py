"""Metrics, an index: pure functions of ranked hits."""

from reccl.metrics.catalog import coverage
from reccl.metrics.ranking import PER_USER, average_precision, hit_rate, ndcg, precision, recall, reciprocal_rank

__all__ = [
    "PER_USER",
    "average_precision",
    "coverage",
    "hit_rate",
    "ndcg",
    "precision",
    "recall",
    "reciprocal_rank",
]
