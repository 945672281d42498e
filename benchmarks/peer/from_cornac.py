"""Cornac: BPR, EASE and item-kNN of https://github.com/PreferredAI/cornac.

Its MF is of ratings: where every value is 1 there is nothing to learn, so it is left out.
"""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from method import Method, Recommend, Rows, best_unseen

PACKAGE = "cornac"
MODULES = ("cornac", "cornac.models")


def fit(model: str, rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    import cornac

    options = {"seed": seed, "verbose": False, **({} if model == "EASE" else {"num_threads": threads}), **settings}
    made = getattr(cornac.models, model)(**options)
    users_of, items_of = rows.learned.nonzero()
    data = cornac.data.Dataset.from_uir(
        list(zip(users_of.tolist(), items_of.tolist(), [1.0] * len(users_of), strict=True)), seed=seed
    )
    made.fit(data)
    items = np.fromiter(data.item_ids, int)  # [i] ours, in the order of its scores

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        lists = []
        for some in np.array_split(users, max(1, len(users) // 500)):
            scores = np.stack([np.ravel(made.score(data.uid_map[int(user)])) for user in some])  # [b, i]
            best = best_unseen(scores, rows.learned[some][:, items], k)
            lists.append(np.where(best >= 0, items[best], -1))
        return np.concatenate(lists)

    return recommend


METHODS = {
    "bpr": Method(
        partial(fit, "BPR"),
        {
            "k": [10, 16, 32, 64, 128],
            "max_iter": [50, 100, 200, 400],
            "learning_rate": [0.001, 0.003, 0.01, 0.03, 0.1],
            "lambda_reg": [0.0003, 0.001, 0.003, 0.01, 0.03],
        },
    ),
    "ease": Method(
        partial(fit, "EASE"),
        {"lamb": [1, 3, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000], "posB": [True, False]},
        chance=False,
    ),
    "item-knn": Method(
        partial(fit, "ItemKNN"),
        {
            "k": [10, 20, 30, 50, 75, 100, 150, 200, 300, 500],
            "similarity": ["cosine", "pearson"],
            "amplify": [1.0, 1.5, 2.0],
        },
        chance=False,
    ),
}
