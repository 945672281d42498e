"""Irspack: random walks, iALS and linear autoencoders of https://github.com/tohtsky/irspack."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from method import Method, Recommend, Rows, best_unseen

PACKAGE = "irspack"
MODULES = ("irspack.recommenders",)


def fit(kind: str, rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    """Learn from the rows; where a method counts threads or has a seed, it is given them."""
    import inspect

    from irspack import recommenders

    made = getattr(recommenders, f"{kind}Recommender")
    known = inspect.signature(made.__init__).parameters
    options = {name: value for name, value in {"n_threads": threads, "random_seed": seed}.items() if name in known}
    learned = made(rows.learned, **options, **settings).learn()

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        chunks = np.array_split(users, max(1, len(users) // 500))
        return np.concatenate([best_unseen(learned.get_score(some), rows.learned[some], k) for some in chunks])

    return recommend


ALPHA = [0.5, 0.75, 1.0, 1.25, 1.5, 2.0]
NEIGHBORS = [20, 50, 100, 200, 500, 1000]
METHODS = {
    "p3alpha": Method(
        partial(fit, "P3alpha"), {"alpha": ALPHA, "top_k": NEIGHBORS, "normalize_weight": [True, False]}, chance=False
    ),
    "rp3beta": Method(
        partial(fit, "RP3beta"),
        {
            "alpha": ALPHA,
            "beta": [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8],
            "top_k": NEIGHBORS,
            "normalize_weight": [True, False],
        },
        chance=False,
    ),
    "ials": Method(
        partial(fit, "IALS"),
        {
            "n_components": [16, 32, 64, 128, 256],
            "alpha0": [0.01, 0.03, 0.1, 0.3, 1.0],
            "reg": [0.0003, 0.001, 0.003, 0.01, 0.03],
            "train_epochs": [8, 16, 32],
        },
    ),
    "dense-slim": Method(
        partial(fit, "DenseSLIM"), {"reg": [1, 3, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000]}, chance=False
    ),
    "edlae": Method(
        partial(fit, "EDLAE"),
        {"reg": [1, 3, 10, 30, 100, 300, 1000], "dropout_p": [0.1, 0.2, 0.33, 0.5, 0.6, 0.7]},
        chance=False,
    ),
}
