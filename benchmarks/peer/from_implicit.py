"""Implicit: ALS, BPR and item-kNN of https://github.com/benfred/implicit."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from method import Method, Recommend, Rows

PACKAGE = "implicit"
MODULES = ("implicit.als", "implicit.bpr", "implicit.nearest_neighbours")


def fit(make: Callable[..., Any], rows: Rows) -> Recommend:
    made = make()
    made.fit(rows.learned, show_progress=False)

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        items, scores = made.recommend(users, rows.learned[users], N=k, filter_already_liked_items=True)
        return np.where(np.isfinite(scores) & (scores > -1e38), items, -1)

    return recommend


def fit_als(rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    from implicit.als import AlternatingLeastSquares

    return fit(lambda: AlternatingLeastSquares(random_state=seed, num_threads=threads, **settings), rows)


def fit_bpr(rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    from implicit.bpr import BayesianPersonalizedRanking

    return fit(lambda: BayesianPersonalizedRanking(random_state=seed, num_threads=threads, **settings), rows)


def fit_cosine(rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    from implicit.nearest_neighbours import CosineRecommender

    return fit(lambda: CosineRecommender(num_threads=threads, **settings), rows)


METHODS = {
    "als": Method(
        fit_als,
        {
            "factors": [16, 32, 64, 128],
            "regularization": [0.001, 0.01, 0.1, 1.0, 10.0],
            "alpha": [1.0, 2.0, 5.0, 10.0, 20.0, 40.0],
            "iterations": [10, 15, 30],
        },
    ),
    "bpr": Method(
        fit_bpr,
        {
            "factors": [16, 32, 64, 128],
            "learning_rate": [0.003, 0.01, 0.03, 0.1],
            "regularization": [0.001, 0.003, 0.01, 0.03, 0.1],
            "iterations": [50, 100, 200],
        },
    ),
    "item-knn": Method(fit_cosine, {"K": [10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000]}, chance=False),
}
