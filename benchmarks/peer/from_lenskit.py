"""LensKit: item-kNN, implicit ALS, EASE and BPR of https://github.com/lenskit/lkpy."""

from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
from method import Method, Recommend, Rows

PACKAGE = "lenskit"
MODULES = ("pandas", "torch", "lenskit.als", "lenskit.flexmf", "lenskit.knn")


def fit(scorer: str, fixed: Mapping[str, Any], rows: Rows, settings: Mapping[str, Any], seed: int, _: int) -> Recommend:
    """Train a scorer; lists are of its own scores, without items that the user has. Threads: OMP_NUM_THREADS."""
    import pandas as pd
    from lenskit import als, flexmf, knn
    from lenskit.data import ItemList, RecQuery, from_interactions_df
    from lenskit.training import TrainingOptions

    made = next(getattr(room, scorer) for room in (als, flexmf, knn) if hasattr(room, scorer))(**fixed, **settings)
    users_of, items_of = rows.learned.nonzero()
    pairs = pd.DataFrame({"user_id": users_of.astype(np.int64), "item_id": items_of.astype(np.int64)})
    data = from_interactions_df(pairs)
    made.train(data, TrainingOptions(rng=seed, device="cpu"))
    every = data.items.ids()  # [i] those with rows

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        lists = np.full((len(users), k), -1)
        for place, user in enumerate(users):
            history = data.user_row(int(user))
            left = np.setdiff1d(every, rows.learned[user].indices)
            scored = made(RecQuery(user_id=int(user), user_items=history), ItemList(item_ids=left))
            best = scored.top_n(k).ids()
            lists[place, : len(best)] = best
        return lists

    return recommend


METHODS = {
    "item-knn": Method(
        partial(fit, "ItemKNNScorer", {"feedback": "implicit"}),
        {"max_nbrs": [10, 20, 30, 50, 75, 100, 150, 200, 300, 500], "min_sim": [1e-6, 1e-3, 0.01, 0.03, 0.1]},
        chance=False,
    ),
    "als": Method(
        partial(fit, "ImplicitMFScorer", {}),
        {
            "embedding_size": [16, 32, 64, 128],
            "epochs": [5, 10, 20],
            "regularization": [0.01, 0.1, 1.0, 10.0],
            "weight": [1.0, 2.0, 5.0, 10.0, 20.0, 40.0],
        },
    ),
    "ease": Method(
        partial(fit, "EASEScorer", {}),
        {"regularization": [0.1, 1, 3, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000]},
        chance=False,
    ),
    "bpr": Method(
        partial(fit, "FlexMFImplicitScorer", {"preset": "bpr"}),
        {
            "embedding_size": [16, 32, 64, 128],
            "epochs": [10, 20, 40],
            "learning_rate": [0.003, 0.01, 0.03],
            "regularization": [0.001, 0.01, 0.1, 1.0],
        },
    ),
}
