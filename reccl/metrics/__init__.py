"""Metrics, an index: pure functions of ranked hits."""

from reccl.metrics.catalog import coverage
from reccl.metrics.ranking import (
    PER_USER,
    average_precision,
    capped_recall,
    hit_rate,
    ndcg,
    precision,
    recall,
    reciprocal_rank,
)

__all__ = [
    "PER_USER",
    "average_precision",
    "capped_recall",
    "coverage",
    "hit_rate",
    "ndcg",
    "precision",
    "recall",
    "reciprocal_rank",
]
