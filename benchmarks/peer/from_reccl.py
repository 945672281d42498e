"""Our own methods, by the same rows in the same kind of process: the bundled configs, ids alone, no features."""

from collections.abc import Mapping
from typing import Any

import numpy as np
from method import Method, Recommend, Rows

PACKAGE = ""  # a checkout need not be installed
MODULES = ("torch", "reccl.api", "reccl.evaluation.top_k")


def fit(config: str, rows: Rows, settings: Mapping[str, Any], seed: int) -> Recommend:
    """Choose epochs and open settings on validation rows; in a final fit, train again with them as the configs do."""
    import polars as pl
    import torch

    import reccl
    from reccl.config import load
    from reccl.data.user_items import UserItemCSR
    from reccl.evaluation.top_k import top_k

    parts = {"train": rows.train.nonzero(), "validation": rows.validation.nonzero()}
    table = pl.concat(
        pl.DataFrame({"user": users.astype(np.int32), "item": items.astype(np.int32), "part": part})
        for part, (users, items) in parts.items()
    ).with_columns(pl.col("part").cast(pl.String))
    data = reccl.Dataset.from_frame(table, part="part")
    fixed = {"seed": seed, "training.refit": str(rows.final).lower()}
    fixed |= {"training.metric": "ndcg_at_20", "evaluation.cutoffs": "[10, 20]", "cold_start": "null"}
    experiment = load(config, [f"{key}={value}" for key, value in {**fixed, **settings}.items()])
    model = reccl.train(experiment, data, device="cpu", progress=False).model
    had = data.merge_validation().train if rows.final else data.train
    hidden = UserItemCSR.from_interactions(had, len(data.user_ids), len(data.item_ids))
    numbers = model.item_ids.ids.to_numpy()

    def recommend(users: np.ndarray, k: int) -> np.ndarray:
        known = model.user_ids.to_rows(pl.Series(users.astype(np.int32)))
        assert known.null_count() == 0, "every user of these splits has training rows"
        rows_of = torch.from_numpy(known.to_numpy(writable=True)).long()
        lists = torch.cat([items for _, items, _ in top_k(model.ranker, rows_of, k, hidden)]).numpy()  # [n, k]
        return np.where(lists >= 0, numbers[lists], -1)

    return recommend


def method(config: str, space: Mapping[str, Any], *, chance: bool = True) -> Method:
    return Method(lambda rows, settings, seed, threads: fit(config, rows, settings, seed), space, chance)


RATES = [0.001, 0.003, 0.005, 0.01]
METHODS = {
    "ease": method("methods/ease", {"scorer.l2": [1, 3, 10, 30, 50, 100, 200, 500, 1000, 2000, 5000]}, chance=False),
    "item-knn": method(
        "methods/item-knn",
        {
            "scorer.neighbors": [10, 20, 30, 50, 75, 100, 150, 200, 300, 500, 1000],
            "scorer.shrink": [0, 1, 3, 10, 30, 100, 300],
        },
        chance=False,
    ),
    "svd": method("methods/svd", {"scorer.dimension": [8, 16, 24, 32, 48, 64, 96, 128, 192, 256]}),
    "lightgcn": method(
        "methods/lightgcn",
        {
            "training.learning_rate": RATES,
            "encoder.layers": [1, 2, 3, 4],
            "objective.l2.weight": [1e-5, 1e-4, 1e-3, 1e-2],
        },
    ),
    "sgl": method(
        "methods/sgl-ed",
        {
            "training.learning_rate": RATES,
            "encoder.layers": [1, 2, 3],
            "objective.contrast.weight": [0.003, 0.01, 0.03, 0.1],
            "objective.contrast.loss.temperature": [0.1, 0.2, 0.5],
            "objective.contrast.first.rate": [0.1, 0.2, 0.3],
            "objective.contrast.second.rate": [0.1, 0.2, 0.3],
        },
    ),
    "best": method(
        "best",
        {
            "encoder.dimension": [64, 128, 256],
            "objective.ranking.temperature": [0.05, 0.1, 0.15, 0.2],
            "training.learning_rate": [0.002, 0.005, 0.01],
            "training.epochs": [12, 24],
        },
    ),
}
