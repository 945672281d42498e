"""RecTools: EASE and PureSVD of https://github.com/MobileTeleSystems/RecTools."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from method import Method, Recommend, Rows

PACKAGE = "RecTools"
MODULES = ("pandas", "rectools.dataset", "rectools.models")


def fit(made: Any, rows: Rows) -> Recommend:
    import pandas as pd
    from rectools import Columns
    from rectools.dataset import Dataset

    users_of, items_of = rows.learned.nonzero()
    pairs = {Columns.User: users_of, Columns.Item: items_of, Columns.Weight: 1.0, Columns.Datetime: "2000-01-01"}
    data = Dataset.construct(pd.DataFrame(pairs))
    made.fit(data)

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        found = made.recommend(users=users, dataset=data, k=k, filter_viewed=True)
        lists = np.full((len(users), k), -1)
        place = np.searchsorted(users, found[Columns.User].to_numpy())  # users are ascending
        lists[place, found[Columns.Rank].to_numpy() - 1] = found[Columns.Item]
        return lists

    return recommend


def fit_ease(rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    from rectools.models import EASEModel

    return fit(EASEModel(recommend_n_threads=threads, recommend_use_gpu_ranking=False, **settings), rows)


def fit_svd(rows: Rows, settings: Mapping[str, Any], seed: int, threads: int) -> Recommend:
    from rectools.models import PureSVDModel

    # without random_state, which scipy 1.17 refuses from it: it draws the first vector of a search that converges
    return fit(PureSVDModel(recommend_n_threads=threads, recommend_use_gpu_ranking=False, **settings), rows)


METHODS = {
    "ease": Method(fit_ease, {"regularization": [1.0, 3.0, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000]}, chance=False),
    "svd": Method(fit_svd, {"factors": [8, 16, 24, 32, 48, 64, 96, 128, 192, 256]}, chance=False),
}
