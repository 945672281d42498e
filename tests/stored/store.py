"""Stores a small model of this version, which every later version must read: python tests/stored/store.py"""

from pathlib import Path

import polars as pl

import reccl

HERE = Path(__file__).parent
CONFIG = {
    "name": "stored",
    "encoder": {"kind": "matrix_factorization", "dimension": 4},
    "objective": {"ranking": {"kind": "ranking"}},
    "scorer": {"kind": "blend", "parts": {"vectors": {"kind": "embedding"}, "items": {"kind": "ease", "l2": 5}}},
    "cold_start": {"target_scorer": {"kind": "embedding"}, "users": {"kind": "regression", "hidden": 8}},
    "training": {"epochs": 3, "batch_size": 64},
}


def main() -> None:
    """Train on a made-up world, and store the model beside what it recommends."""
    pairs = [(f"u{user:02}", 100 + item) for user in range(30) for item in range(20) if (user * 7 + item * 3) % 5 < 2]
    orders = pl.DataFrame(pairs, schema=["user", "item"], orient="row")
    items = pl.DataFrame({"item": [100 + i for i in range(20)], "title": [f"thing {i}" for i in range(20)]})
    items = items.with_columns(color=pl.col("item") % 3)
    users = pl.DataFrame({"user": [f"u{user:02}" for user in range(30)], "town": [user % 4 for user in range(30)]})
    data = reccl.Dataset.from_frame(orders, items=items, users=users)
    model = reccl.train(CONFIG, data, progress=False)
    folder = HERE / f"model-{reccl.__version__}"
    model.save(folder)
    lists = model.recommend(k=3, item_columns=["title"])
    lists.write_parquet(HERE / f"recommendations-{reccl.__version__}.parquet")


if __name__ == "__main__":
    main()
