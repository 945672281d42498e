"""Nightly scoring: a saved model, and what has come since it was trained; lists for everybody in one Parquet file.

python examples/score_everybody.py [FILE]        # default: recommendations.parquet

Customers and products that are new are placed by their features and their first orders, without any training. Memory is
bounded: users are scored and written a chunk at a time.
"""

import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import polars as pl

import reccl
from reccl.recommend import write_tables

folder, target = Path(__file__).parent, Path(*sys.argv[1:2] or ["recommendations.parquet"])
orders, products = pl.read_csv(folder / "orders.csv"), pl.read_csv(folder / "products.csv")

with TemporaryDirectory() as models:  # once a week: train on all that is known, and save
    data = reccl.Dataset.from_frame(orders, user="customer", item="sku", timestamp="ordered_at", items=products)
    cold_start = {"items": {"kind": "regression"}, "target_scorer": {"kind": "svd", "dimension": 32}}
    reccl.train("best", data, cold_start=cold_start, progress=False).save(Path(models) / "shop")

    # every night: load, add what is new, score
    model = reccl.load(Path(models) / "shop")
    launched = pl.DataFrame({"sku": ["TEA-900"], "name": ["First flush"], "category": ["tea"], "price": [9.5]})
    today = pl.DataFrame({"customer": ["c1042", "new1", "new1"], "sku": ["TEA-101", "BRE-103", "CHE-104"]})
    lists = model.iter_recommendations(k=20, new_items=launched, history=today, item_columns=["name"])
    rows = write_tables(lists, target)

written = pl.read_parquet(target)
print(f"{rows:,} rows for {written['user'].n_unique()} customers in {target}")
print(written.filter(user="new1").head(3))
print(f"the new tea is in {written.filter(item='TEA-900').height} lists")
