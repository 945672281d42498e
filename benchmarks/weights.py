"""Do weights help? Two planted logs whose truth is known, and MovieLens-100K's ratings: tables for docs/weights.md.

    python benchmarks/weights.py [strength | events | repeats | ratings] [METHOD ...]

Every row is the mean and the standard deviation of test NDCG@10 over three seeds, of data, split and training. EASE's
l2, which weights put on another scale, is chosen on validation rows, with and without weights alike.
"""

import sys
from collections.abc import Mapping
from functools import cache
from typing import Any

import numpy as np
import polars as pl

import reccl

DAY = 24 * 60 * 60
SEEDS = (1, 2, 3)
USERS, ITEMS = 1000, 800
L2 = [1.0, 10.0, 100.0, 1000.0, 10000.0]
EASE = {"kind": "grid_search", "scorer": {"kind": "ease", "l2": 100.0}, "grid": {"l2": L2}}
SOFT_SVD = {"kind": "svd", "dimension": 128, "cutoff": 0.9, "exact": False}
FILTER = {"kind": "graph_filter", "rank": 64}
RANKING = {"kind": "ranking", "loss": {"kind": "bpr"}, "negatives": {"kind": "uniform"}}
CLOSED: Mapping[str, dict[str, Any]] = {
    "popularity": {"scorer": {"kind": "popularity"}},
    "item-kNN": {"scorer": {"kind": "item_knn"}},
    "EASE": {"scorer": EASE},
    "SVD, soft": {"scorer": SOFT_SVD},
    "graph filter": {"scorer": FILTER},
}
TRAINED: Mapping[str, dict[str, Any]] = {
    "MF, full softmax": {
        "encoder": {"kind": "matrix_factorization", "dimension": 64, "initialization": {"kind": "spectral"}},
        "objective": {"softmax": {"kind": "full_softmax"}},
        "scorer": {"kind": "embedding", "similarity": "cosine"},
        "training": {"epochs": 20, "batch_size": 8192, "learning_rate": 0.003, "patience": 5, "batch_by": "user"},
    },
    "LightGCN, BPR": {
        "encoder": {"kind": "lightgcn", "dimension": 64, "layers": 2},
        "objective": {"ranking": RANKING},
        "training": {"epochs": 20, "batch_size": 4096, "learning_rate": 0.01, "patience": 5},
    },
}


@cache
def draw_strength(seed: int) -> pl.DataFrame:
    """Users of as many items as in MovieLens-1M: chance and fashion say whom they meet, taste how often they come back.

    1,000 users, 800 items, 16 hidden tastes. What a user meets is popularity, and taste a little; how often it is had
    is 1 + Poisson(exp(2 x affinity - 1.5)): more than half of the pairs are had once, some dozens of times.
    """
    random = np.random.default_rng(seed)
    users, items = random.standard_normal((USERS, 16)) / 4, random.standard_normal((ITEMS, 16))
    taste = users @ items.T  # [U, I] standard normal
    met = 0.4 * taste + random.gumbel(0, 1, ITEMS) + random.gumbel(0, 1, taste.shape)
    plays = 1 + random.poisson(np.exp(2 * taste - 1.5))
    rows: list[tuple[int, int, int]] = []
    for user in range(USERS):
        number = int(np.clip(random.lognormal(4.2, 0.7), 20, 400))
        own = np.argpartition(-met[user], number)[:number]
        rows.extend(zip([user] * number, own.tolist(), plays[user, own].tolist(), strict=True))
    return pl.DataFrame(rows, schema=["user", "item", "plays"], orient="row")


@cache
def draw_events(seed: int) -> pl.DataFrame:
    """Views, carts and purchases of 1,000 customers and 800 products in 120 days, in the shape of public event logs.

    Views follow lasting popularity, the fashion of the week, and taste; each leads to a cart with a chance that is
    taste, and that to a purchase. Tastes drift: a customer's of the last day is correlated .6 with that of the first.
    """
    random = np.random.default_rng(seed)
    first, last = (random.standard_normal((USERS, 6)) for _ in range(2))
    products = 1.5 * random.standard_normal((ITEMS, 6)) / 6**0.5
    lasting, fashion = random.gumbel(0, 1, ITEMS), random.gumbel(0, 1, (18, ITEMS))
    rows: list[tuple[int, int, str, int]] = []
    for user in range(USERS):
        for day in np.sort(random.integers(0, 120, int(np.clip(random.lognormal(2.3, 0.7), 4, 60)))).tolist():
            share = day / 119
            angle = share * np.arccos(0.6)
            taste = products @ (np.cos(angle) * first[user] + np.sin(angle) * last[user])  # [I]
            met = taste + 0.5 * lasting + 0.5 * fashion[day // 7] + random.gumbel(0, 1, ITEMS)
            for product in np.argpartition(-met, 5)[:5].tolist():
                moment = day * DAY + int(random.integers(DAY))
                rows.append((user, product, "view", moment))
                if random.random() < 1 / (1 + np.exp(2 - 2 * taste[product])):
                    rows.append((user, product, "cart", moment + 60))
                    if random.random() < 1 / (1 + np.exp(-taste[product])):
                        rows.append((user, product, "purchase", moment + 120))
    return pl.DataFrame(rows, schema=["user", "item", "event", "timestamp"], orient="row")


def measure(methods: Mapping[str, dict[str, Any]], data: Mapping[str, Any], **sections: Any) -> None:
    """Print a row a method: test NDCG@10 on each way to weigh the data, over the seeds of data and training."""
    chosen = sys.argv[2:] or list(methods)
    print(f"| | {' | '.join(data)} |\n|---|{'---|' * len(data)}", flush=True)
    for name, method in ((name, methods[name]) for name in methods if name in chosen):
        cells = []
        for make in data.values():
            found = []
            for seed in SEEDS:
                config = {"name": name, "seed": seed, **method, **sections}
                found.append(reccl.train(config, data=make(seed), progress=False).metrics["test"]["ndcg_at_10"])
            cells.append(f"{np.mean(found):.4f} ± {np.std(found, ddof=1):.4f}")
        print(f"| {name} | {' | '.join(cells)} |", flush=True)


def measure_strength() -> None:
    """Held out: a fifth of each user's pairs; relevant are those of them that were had four times or more."""

    def weighed(**keys: Any) -> Any:
        def make(seed: int) -> reccl.Dataset:
            rows = draw_strength(seed).with_columns(
                event=pl.when(pl.col("plays") >= 4).then(pl.lit("often")).otherwise(pl.lit("seldom"))
            )
            events = {"column": "event", "weights": {"often": 1, "seldom": 1}, "targets": ["often"]}
            split = {"kind": "random_per_user", "test": 0.2, "validation": 0.1, "seed": seed}
            return reccl.Dataset.from_frame(rows, split=split, events=events, **keys)

        return make

    ways = {"none": {}, "linear": {"weight": "plays"}, "sqrt": {"weight": "plays", "weight_scale": "sqrt"}}
    ways["log"] = {"weight": "plays", "weight_scale": "log"}
    measure({**CLOSED, **TRAINED}, {name: weighed(**keys) for name, keys in ways.items()})


def weigh_events() -> dict[str, Any]:
    """Ways to weigh the events; held out by time are the purchases of the last tenth of all rows."""
    alike, heavy = dict.fromkeys(("view", "cart", "purchase"), 1), {"view": 1, "cart": 3, "purchase": 10}

    def weighed(weights: Mapping[str, float], **keys: Any) -> Any:
        def make(seed: int) -> reccl.Dataset:
            split = {"kind": "temporal", "test": 0.1, "validation": 0.1}
            events = {"column": "event", "weights": weights, "targets": ["purchase"]}
            rows = draw_events(seed)
            return reccl.Dataset.from_frame(rows, timestamp="timestamp", split=split, events=events, **keys)

        return make

    return {
        "none": weighed(alike, weight_scale="none"),
        "count": weighed(alike),
        "1, 3, 10": weighed(heavy),
        "1, 3, 10, log": weighed(heavy, weight_scale="log"),
        "1, 3, 10, log, 30 days": weighed(heavy, weight_scale="log", half_life=30),
    }


def measure_events() -> None:
    """What customers buy that is new to them."""
    measure({**CLOSED, **TRAINED}, weigh_events())


def measure_repeats() -> None:
    """What customers buy, new or not: nothing is hidden."""
    personal = {"kind": "personal_popularity"}
    parts = {"again": {**personal, "fill": False}, "new": EASE}
    methods: dict[str, dict[str, Any]] = {
        "popularity": CLOSED["popularity"],
        "personal popularity": {"scorer": personal},
        "EASE": CLOSED["EASE"],
        "blend of both": {"scorer": {"kind": "blend", "parts": parts}},
    }
    measure(methods, weigh_events(), evaluation={"hide": "none"})


def measure_ratings() -> None:
    """MovieLens-100K, all ratings trained on; relevant are held-out ratings of 4 and 5."""

    def weighed(**keys: Any) -> Any:
        def make(seed: int) -> reccl.Dataset:
            rows = reccl.load_dataset(
                "ml-100k", progress=False, split={"kind": "random_global", "test": 0, "validation": 0}
            ).to_frame()
            rows = rows.with_columns(
                event=pl.when(pl.col("rating") >= 4).then(pl.lit("liked")).otherwise(pl.lit("not")),
                emphatic=2.0 ** pl.col("rating"),
            )
            events = {"column": "event", "weights": {"liked": 1, "not": 1}, "targets": ["liked"]}
            split = {"kind": "random_per_user", "test": 0.2, "validation": 0.1, "seed": seed}
            return reccl.Dataset.from_frame(rows, split=split, events=events, **keys)

        return make

    ways = {"none": {}, "rating": {"weight": "rating"}, "2^rating": {"weight": "emphatic"}}
    measure({**CLOSED, **TRAINED}, {name: weighed(**keys) for name, keys in ways.items()})


if __name__ == "__main__":
    studies = {"strength": measure_strength, "events": measure_events, "repeats": measure_repeats}
    studies["ratings"] = measure_ratings
    for study in sys.argv[1:2] or studies:
        print(f"\n{study}\n")
        studies[study]()
